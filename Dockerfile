# The web app with the model that dvc.lock pins. Build: make image
# The base is pinned by version here and, where it is given, by digest: --build-arg BASE_DIGEST=@sha256:...
ARG BASE_TAG=3.13.11-slim-trixie
ARG BASE_DIGEST=
# Anything here adds what PREDICTION_LOG needs (60 MB): make image ARGS="--build-arg PREDICTION_LOG=1"
ARG PREDICTION_LOG=

FROM python:${BASE_TAG}${BASE_DIGEST} AS build
ARG PREDICTION_LOG
WORKDIR /app
COPY requirements/webapp.txt requirements/prediction-log.txt requirements/
# an environment without pip in it; only wheels, so that nothing is compiled and no build script runs
RUN python -m venv --without-pip /venv && \
    pip --python /venv/bin/python install --no-cache-dir --only-binary :all: --require-hashes \
      -r requirements/webapp.txt ${PREDICTION_LOG:+-r requirements/prediction-log.txt}
COPY webapp/ webapp/
RUN /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash webapp

FROM python:${BASE_TAG}${BASE_DIGEST}
ARG GIT_SHA=unknown
ARG SOURCE=
ARG MODEL_MD5=
LABEL org.opencontainers.image.title="dvc-elasticnet" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${GIT_SHA}" \
      org.opencontainers.image.source="${SOURCE}" \
      dvc.scorecard.md5="${MODEL_MD5}"
ENV PATH="/venv/bin:${PATH}" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GIT_SHA="${GIT_SHA}" PORT=8000
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app/webapp webapp/
COPY dvc.lock gunicorn.conf.py ./
COPY models/ models/
COPY plots/ plots/
USER 10001:10001
# no image is made of a scorecard other than the pinned one, nor of one that the label does not name
RUN ["python", "-c", "import os, pathlib, webapp.pin as pin; md5 = pin.load_pinned(pathlib.Path()).md5; \
assert os.environ.get('MODEL_MD5') in (None, '', md5), 'MODEL_MD5 is not that of the scorecard'"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health\", timeout=4)"]
CMD ["gunicorn"]
