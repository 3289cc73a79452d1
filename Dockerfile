# Of all platforms; the digest decides, the tag says what it was.
ARG PYTHON=python:3.12.14-slim-trixie@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea

FROM ${PYTHON} AS wheels
COPY requirements.txt .
RUN pip wheel --no-cache-dir --require-hashes --wheel-dir /wheels -r requirements.txt

FROM ${PYTHON}
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --no-deps --ignore-installed --compile /wheels/*.whl \
    && useradd --system --uid 10001 --no-create-home bot \
    && install --directory --owner=bot --mode=0700 /data
WORKDIR /app
COPY bot bot
COPY handlers handlers
COPY generation generation
COPY storage storage
USER bot
VOLUME /data
# The exec form, so that SIGTERM reaches Python and not a shell.
CMD ["python", "-m", "bot", "run"]
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s CMD ["python", "-m", "bot", "healthcheck"]
