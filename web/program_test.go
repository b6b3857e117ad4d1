package web_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// programs run what partners write, in the languages that they write in, against one node. What they run stays as it
// is: the way to the node and the trust in its certificate come from outside.
type programs struct {
	dir         string
	environment []string
}

func newPrograms(t *testing.T, n *webtest.Node) *programs {
	t.Helper()
	p := &programs{dir: t.TempDir()}
	root := filepath.Join(p.dir, "ca.pem")
	if err := os.WriteFile(root, n.RootPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Abs("testdata/npm/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(modules); err != nil {
		t.Fatalf("npm's modules are not installed, run make tools: %v", err)
	}
	if err := os.Symlink(modules, filepath.Join(p.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Abs("testdata/guide/everyname.cjs")
	if err != nil {
		t.Fatal(err)
	}
	proxy := n.Tunnel(t)
	p.environment = append(os.Environ(), "HTTPS_PROXY="+proxy, "https_proxy="+proxy, "NO_PROXY=", "no_proxy=",
		"SSL_CERT_FILE="+root, "CURL_CA_BUNDLE="+root, "REQUESTS_CA_BUNDLE="+root, "PYTHONDONTWRITEBYTECODE=1",
		"NODE_EXTRA_CA_CERTS="+root, "NODE_OPTIONS=--require="+names,
		"DESKGATE_URL="+n.URL, "DESKGATE_TOKEN="+n.Acme.Token,
		"DESKGATE_JWT_SECRET="+secret(n.Acme, "jwt"), "DESKGATE_REDIRECT_KEY="+secret(n.Acme, "redirect"),
		"DESKGATE_SIMPLEAUTH_KEY="+secret(n.Acme, "simpleauth"))
	return p
}

// write puts a program where it finds npm's modules, and returns its name.
func (p *programs) write(t *testing.T, name, code string) string {
	t.Helper()
	name = filepath.Join(p.dir, name)
	if err := os.WriteFile(name, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// run returns what a command prints.
func (p *programs) run(t *testing.T, command ...string) string {
	t.Helper()
	out, err := p.output(t, command...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// output is run for whoever is not on the test's own goroutine.
func (p *programs) output(t *testing.T, command ...string) (string, error) {
	t.Helper()
	run := exec.CommandContext(t.Context(), command[0], command[1:]...)
	run.Env = p.environment
	out, err := run.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w %s %s (are the tools there? make tools)", strings.Join(command, " "), err, out, stderr(err))
	}
	return strings.TrimSpace(string(out)), nil
}

func stderr(err error) string {
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // straight from Output
		return string(exit.Stderr)
	}
	return ""
}

// php is the command that runs a PHP program: it trusts the node's certificate, and says everything that it dislikes.
func (p *programs) php() []string {
	return []string{"php", "-d", "curl.cainfo=" + filepath.Join(p.dir, "ca.pem"), "-d", "error_reporting=-1", "-d", "display_errors=stderr"}
}

// python is the system's own, which has Debian's packages.
func (*programs) python() []string {
	const system = "/usr/bin/python3"
	if _, err := os.Stat(system); err != nil {
		return []string{"python3", "-W", "error::SyntaxWarning"}
	}
	return []string{system, "-W", "error::SyntaxWarning"}
}

// interpreter is the command that runs a program of this name, behind which the program's own name comes.
func (p *programs) interpreter(t *testing.T, name string) []string {
	t.Helper()
	switch filepath.Ext(name) {
	case ".mjs":
		return []string{"node"}
	case ".php":
		return p.php()
	case ".py":
		return p.python()
	}
	t.Fatalf("nothing runs %s", name)
	return nil
}

func secret(t *webtest.Tenant, kind string) string {
	for _, k := range t.Keys {
		if string(k.Kind) == kind {
			return k.Secret
		}
	}
	return ""
}
