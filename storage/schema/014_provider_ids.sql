-- Whether the provider gave an id to another request already is asked whenever it gives one.
CREATE INDEX generations_by_provider_id ON generations (provider_id)
    WHERE provider_id IS NOT NULL;
