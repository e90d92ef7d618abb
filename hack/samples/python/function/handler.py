"""As in the template python3-http of OpenFaaS: what is returned is the answer.

event    body (bytes), headers, method, query, path
context  hostname
"""
import os

# Deployed with a secret `api-key`, it answers only who sends that.
KEY_FILE = '/var/openfaas/secrets/api-key'
KEY = open(KEY_FILE).read().strip() if os.path.exists(KEY_FILE) else ''


def handle(event, context):
    if KEY and event.headers.get('X-Api-Key') != KEY:
        return {'statusCode': 401, 'body': 'the header X-Api-Key is wrong'}
    name = event.query.get('name') or event.body.decode().strip() or 'world'
    return {
        'statusCode': 200,
        'headers': {'Cache-Control': 'no-store'},
        'body': {
            'greeting': f"{os.environ.get('GREETING', 'Hello')}, {name}!",
            'method': event.method,
            'path': event.path,
        },
    }
