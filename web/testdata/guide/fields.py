import json
import runpy
import sys

print(json.dumps(runpy.run_path(sys.argv[1])["signed_fields"](json.loads(sys.argv[2]), sys.argv[3])))
