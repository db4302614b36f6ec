-- Delivery flows in full.

-- `flow` is the graph that the item walks (null: a fixed shape, said by the columns beside it), `node` where it stands,
-- `part` its place in a split. A task that waits for the buyer may have a deadline.
alter table fulfilment.tasks
    add column flow jsonb,
    add column node text,
    add column part smallint not null default 0;
create index tasks_for_buyer_else on fulfilment.tasks (due_at) where state = 'waiting_for_buyer' and due_at is not null;
