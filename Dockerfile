# Of all platforms; the digest decides, the tag says what it was.
ARG PYTHON=python:3.12.14-slim-trixie@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea

FROM ${PYTHON} AS packages
WORKDIR /build
COPY requirements.txt requirements.txt
COPY deploy/trim.py trim.py
RUN --mount=type=bind,source=handlers/replies,target=/replies \
    pip install --no-cache-dir --no-compile --require-hashes --target /packages -r requirements.txt \
    && python trim.py /packages /replies

FROM ${PYTHON}
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
RUN --mount=type=bind,from=packages,source=/packages,target=/packages \
    cp --archive /packages/. "$(python -c 'import site; print(site.getsitepackages()[0])')" \
    && useradd --uid 10001 --no-create-home bot \
    && install --directory --owner=bot --mode=0700 /data
WORKDIR /app
COPY bot bot
COPY handlers handlers
COPY generation generation
COPY storage storage
# What runs is compiled now, for nothing can be written later; the rest of the packages is not.
RUN PYTHONDONTWRITEBYTECODE="" python -c "import bot.__main__, bot.lifecycle, bot.operations.doctor, \
    generation.media.child, generation.media.film_jobs, \
    generation.media.picture_jobs, generation.media.video_jobs, matplotlib.backends.backend_agg, \
    matplotlib.figure, matplotlib.layout_engine"
USER 10001
VOLUME /data
# The exec form, so that SIGTERM reaches Python and not a shell.
CMD ["python", "-m", "bot", "run"]
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s CMD ["python", "-m", "bot", "healthcheck"]
