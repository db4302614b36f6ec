"""The outside world in one process: suppliers, a partner's till and a webhook receiver.

It knows nothing of the platform that calls it: protocols and signatures are written from the suppliers' documents,
so that agreement between the two sides is evidence and not one mistake made twice.
"""
