"""Operations: what a start needs, `doctor`, the list of models, logs."""
