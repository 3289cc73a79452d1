-- Each cause of a delay has a counter of its own: twenty refusals by Telegram say nothing of a file.
ALTER TABLE generations ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generations ADD COLUMN picture_setbacks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generations ADD COLUMN poll_setbacks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generations ADD COLUMN preparation_setbacks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generations ADD COLUMN send_setbacks INTEGER NOT NULL DEFAULT 0;
UPDATE generations SET
    refusals = CASE WHEN state IN ('queued', 'submitting') THEN setbacks ELSE 0 END,
    poll_setbacks = CASE WHEN state IN ('generating', 'parked') THEN setbacks ELSE 0 END,
    send_setbacks = CASE WHEN state = 'ready' THEN setbacks ELSE 0 END
    WHERE setbacks > 0;
ALTER TABLE generations DROP COLUMN setbacks;

-- When the provider first called it finished and its video could not be had.
ALTER TABLE generations ADD COLUMN finished_at REAL;

-- Whether the video came after its credits went back.
ALTER TABLE generations ADD COLUMN is_gift INTEGER NOT NULL DEFAULT 0 CHECK (is_gift IN (0, 1));
UPDATE generations SET is_gift = 1
    WHERE id IN (SELECT generation FROM events WHERE was = 'parked' AND state = 'ready');

-- Reasons are a closed set; the history keeps the words of its time.
UPDATE generations SET reason = CASE
    WHEN reason LIKE 'answer lost: %' THEN 'answer lost'
    WHEN reason LIKE 'called back%' THEN 'called back'
    WHEN reason LIKE 'picture: %' THEN 'picture unusable'
    WHEN reason LIKE 'rejected: %' THEN 'rejected'
    WHEN reason LIKE 'provider: %' THEN 'provider broken'
    WHEN reason = 'result: NotAVideo' THEN 'no video at the link'
    WHEN reason LIKE 'result: %' THEN 'result refused'
    WHEN reason LIKE '% is not served' THEN 'another model makes it'
    ELSE 'other' END
    WHERE reason NOT IN (
        'asked for', 'surely not taken', 'its turn', 'stopped meanwhile', 'taken by the provider',
        'found in the log', 'deadline over', 'never answered', 'link dead', 'video on disk',
        'late, on the house', 'sent', 'nobody can receive it', 'nobody knows whether it arrived',
        'cannot be prepared', 'banned', 'no turn', 'provider refuses', 'picture gone', 'model gone',
        'moderation', 'provider broken', 'never seen again');
UPDATE notices SET kind = 'substituted', facts = replace(facts, '"rests"', '"cooling"')
    WHERE kind = 'rerouted';
UPDATE notices SET facts = replace(facts, '"rests"', '"cooling"') WHERE kind = 'failed_model_gone';

UPDATE notices SET facts = replace(facts, '"heir"', '"successor"') WHERE kind = 'model_superseded';

-- The provider seems to serve again, and one order is tried; an outage ends when one was taken.
ALTER TABLE outages ADD COLUMN half_open INTEGER NOT NULL DEFAULT 0 CHECK (half_open IN (0, 1));

ALTER TABLE rests RENAME TO cooldowns;
ALTER TABLE strikes RENAME TO model_failures;
DROP INDEX strikes_by_model;
CREATE INDEX model_failures_by_model ON model_failures (model, at);
