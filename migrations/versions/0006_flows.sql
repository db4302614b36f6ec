-- Delivery flows in full.

-- `flow` is the graph that the item walks (null: a fixed shape, said by the columns beside it), `node` where it stands,
-- `part` its place in a split, `own` whether it is behind that. A task that waits for the buyer may have a deadline.
-- What is held stands still since `held_since`: `due_aside` is when it was to go on, and without a `due_at` nobody who
-- looks for what is due finds it.
alter table fulfilment.tasks
    add column flow jsonb,
    add column node text,
    add column part smallint not null default 0,
    add column own boolean not null default false,
    add column held_since timestamptz,
    add column due_aside timestamptz;
create index tasks_for_buyer_else on fulfilment.tasks (due_at) where state = 'waiting_for_buyer' and due_at is not null;
create index tasks_stuck on fulfilment.tasks (id) where problem = 'flow_stuck';

-- A hold is over at `until`; once that was followed (a pause gave its time back, tasks go on) it has ended.
alter table entitlement.holds add column ended_at timestamptz;
update entitlement.holds set ended_at = until where until <= now();
create index holds_running_out on entitlement.holds (until) where ended_at is null;
