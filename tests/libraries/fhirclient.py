"""fhirclient, SMART's library for Python: from the CapabilityStatement to a record and a renewed token."""

import os

# This file's own folder must not stand in for the library, which has the same name.
import sys
sys.path.pop(0)

from fhirclient import client  # noqa: E402
from fhirclient.models.coverage import Coverage  # noqa: E402

smart = client.FHIRClient(settings={
    "app_id": os.environ["CLIENT_ID"],
    "app_secret": os.environ.get("CLIENT_SECRET"),
    "api_base": os.environ["BASE"] + "/fhir",
    "redirect_uri": os.environ["REDIRECT_URI"],
    "scope": "patient/Patient.rs patient/Coverage.rs launch/patient openid fhirUser offline_access",
})
assert smart.prepare() is False, "nobody has signed in yet"
print("open", smart.authorize_url, flush=True)
smart.handle_callback(input())
assert smart.ready and smart.patient.id == smart.patient_id
print("record of", smart.human_name(smart.patient.name[0]))

first = smart.server.auth.access_token
assert smart.reauthorize() is not None or smart.server.auth.access_token != first
assert smart.server.auth.access_token != first, "the token is a new one"
coverages = Coverage.where({"patient": smart.patient_id}).perform_resources(smart.server)
print("coverages", len(coverages))
