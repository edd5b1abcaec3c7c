"""Jasmin's REST proxy on loopback, served by Twisted as its manual says: rest.py PORT HTTP_API_PORT.

The address of the HTTP API behind it is written into its module.
"""

import sys

from jasmin.protocols import rest
from twisted.internet import reactor
from twisted.web.server import Site
from twisted.web.wsgi import WSGIResource

port, http_api = sys.argv[1:]
# The package has the application under the name of the module.
sys.modules["jasmin.protocols.rest.api"].old_api_uri = f"http://127.0.0.1:{http_api}"
resource = WSGIResource(reactor, reactor.getThreadPool(), rest.api)
reactor.listenTCP(int(port), Site(resource), interface="127.0.0.1")
reactor.run()
