import json
import runpy
import sys

print(runpy.run_path(sys.argv[1])["help_url"](json.loads(sys.argv[2])))
