"""The web app: a form, an API and batches for the scorecard that dvc.lock pins. Run: make serve (or make dev)

Serving needs neither numpy, pandas, scikit-learn nor joblib, and none of the pipeline's code.
"""

import os
from pathlib import Path

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import metrics, security
from webapp.middleware import watch_over
from webapp.model import load_model
from webapp.pin import PinError
from webapp.settings import read_settings
from webapp.views import api, batch, monitoring, pages, problems

MOST_BYTES = 1_000_000  # of a request that is not a table


def create_app() -> Flask:
    """Make the app of the checkout in the working directory, with the settings of the environment.

    Raises:
        SystemExit: the scorecard is not the pinned one, or a setting is wrong; the message is one line.
    """
    root = Path.cwd()
    try:
        settings = read_settings(os.environ, root)
        model = load_model(settings, root)
    except (PinError, ValueError) as error:
        raise SystemExit(str(error)) from None
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    problems.register(app)
    if settings.app_token is not None:
        security.register_login(app, settings.app_token)
    app.register_blueprint(api.make_api(model))
    app.register_blueprint(batch.make_batch(model))
    app.register_blueprint(pages.make_pages(model))
    app.register_blueprint(monitoring.make_monitoring(model))
    app.register_blueprint(metrics.make_blueprint(model.metrics, settings))
    app.wsgi_app = watch_over(app.wsgi_app, model.metrics, model.metrics.inputs)  # type: ignore
    if settings.forwarded_hops:
        hops = settings.forwarded_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_prefix=hops)  # type: ignore
    return app
