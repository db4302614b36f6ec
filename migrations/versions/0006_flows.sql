-- Delivery flows in full.

-- `flow` is the graph that the item walks (null: a fixed shape, said by the columns beside it), `node` where it stands,
-- `part` its place in a split, `own` whether it is behind that. A task that waits for the buyer may have a deadline.
alter table fulfilment.tasks
    add column flow jsonb,
    add column node text,
    add column part smallint not null default 0,
    add column own boolean not null default false;
create index tasks_for_buyer_else on fulfilment.tasks (due_at) where state = 'waiting_for_buyer' and due_at is not null;
create index tasks_stuck on fulfilment.tasks (id) where problem = 'flow_stuck';
