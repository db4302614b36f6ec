"""Tools: database, outbox, HTTP, sealing, settings, telemetry. They know kernel words and no business."""
