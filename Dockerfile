# syntax=docker/dockerfile:1

FROM python:3.12-slim AS wheels
COPY requirements.txt .
RUN pip wheel --no-cache-dir --require-hashes --wheel-dir /wheels -r requirements.txt

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --no-deps --compile /wheels/*.whl \
    && useradd --system --uid 10001 --no-create-home bot \
    && install --directory --owner=bot --mode=0700 /data
WORKDIR /app
COPY bot bot
COPY handlers handlers
COPY generation generation
COPY storage storage
COPY sandbox sandbox
USER bot
VOLUME /data
# The exec form, so that SIGTERM reaches Python and not a shell.
CMD ["python", "-m", "bot", "run"]
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s CMD ["python", "-m", "bot", "healthcheck"]
