-- What is asked for all the time is found without reading every video ever made: a partial index
-- serves no `state IN (…)` of another set than its own, and none that is one side of an OR.
CREATE INDEX generations_by_state ON generations (state, chat);
DROP INDEX generations_in_work;
CREATE INDEX generations_by_cause ON generations (cause, id);
CREATE INDEX notices_by_generation ON notices (generation, id) WHERE generation IS NOT NULL;
