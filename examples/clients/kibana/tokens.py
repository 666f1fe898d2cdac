"""Create, list and delete enrollment tokens with kibana-py, a client of Kibana.

    python3 tokens.py https://gate.example.org root.pem

GATEPASS_API_KEY is an API key with tokens:read, tokens:write, policies:read, policies:write.
"""

import os
import sys

from kibana import Kibana
from kibana.exceptions import BadRequestError, ConflictError, NotFoundError


def refused(error, call, **arguments):
    """The message of a call that the server refuses."""
    try:
        call(**arguments)
    except error as refusal:
        return refusal.body["message"]
    raise SystemExit(f"{call.__name__} was not refused")


def main(url, root):
    # gatepass accepts the text of an API key where Kibana accepts base64 of id and key.
    kibana = Kibana(url, api_key=os.environ["GATEPASS_API_KEY"], ca_certs=root)
    state = kibana.status.get_status().body
    print("version", state["version"]["number"], state["status"]["overall"]["level"])

    policies, tokens = kibana.fleet_policies, kibana.fleet_enrollment
    policy = policies.create_agent_policy(name="edge", namespace="default").body["item"]
    print("policy", policy["id"], policy["revision"])
    first = tokens.get_keys(kuery=f'policy_id:"{policy["id"]}"').body["items"]
    print("first", first[0]["name"].split(" ")[0], len(first))

    created = tokens.create_key(policy_id=policy["id"], name="rack", expiration="7d").body["item"]
    print("created", created["id"], created["api_key"], created["expire_at"])
    shown = tokens.get_key(key_id=created["id"], space_id="default", validate_spaces=False).body["item"]
    print("shown", shown == created)
    page = tokens.get_keys(page=1, per_page=1, kuery="active:true").body
    print("page", page["total"], page["items"][0]["id"] == created["id"])

    taken = refused(ConflictError, tokens.create_key, policy_id=policy["id"], name="rack")
    print("refused", taken)
    print("refused", refused(NotFoundError, tokens.get_key, key_id="unknown"))
    print("refused", refused(BadRequestError, tokens.get_keys, kuery="hidden:true"))

    print("deleted", tokens.delete_key(key_id=created["id"]).body["action"])
    print("inactive", tokens.get_key(key_id=created["id"]).body["item"]["active"])
    gone = policies.delete_agent_policy(agent_policy_id=policy["id"]).body
    print("gone", gone["name"])


if __name__ == "__main__":
    main(*sys.argv[1:])
