package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// What the proxies are told. Each does what the node does by itself: connections to the upstream are kept, the visitor's address is
// passed on, each request is logged.
var configs = map[string]*template.Template{
	"nginx": template.Must(template.New("").Parse(`daemon off;
master_process off;
pid {{.Dir}}/nginx.pid;
error_log {{.Dir}}/nginx-error.log;
events { worker_connections 4096; }
http {
	access_log {{.Dir}}/nginx-access.log;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	keepalive_requests 1000000000;
	ssl_protocols TLSv1.2 TLSv1.3;
	upstream app { server {{.Upstream}}; keepalive 256; keepalive_requests 1000000000; }
	server {
		listen {{.Secure}} ssl http2 default_server;
		ssl_reject_handshake on;
	}
	server {
		server_name {{.Name}};
		listen {{.Plain}};
		listen {{.Secure}} ssl http2;
		ssl_certificate {{.Dir}}/peer.pem;
		ssl_certificate_key {{.Dir}}/peer.pem;
		location / {
			proxy_pass http://app;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_set_header X-Forwarded-Host $host;
		}
	}
}
`)),
	"haproxy": template.Must(template.New("").Parse(`global
	nbthread 1
	maxconn 4096
	log stdout format raw local0
defaults
	mode http
	log global
	option httplog
	option forwardfor
	timeout connect 5s
	timeout client 60s
	timeout server 60s
frontend all
	bind {{.Plain}}
	bind {{.Secure}} ssl strict-sni crt {{.Dir}}/peer.pem alpn h2,http/1.1
	default_backend app
backend app
	http-reuse always
	server app {{.Upstream}}
`)),
	"caddy": template.Must(template.New("").Parse(`{
	admin off
	auto_https off
	persist_config off
	storage file_system {{.Dir}}/caddy
}
(all) {
	log {
		output file {{.Dir}}/caddy-access.log {
			roll_disabled
		}
	}
	reverse_proxy {{.Upstream}}
}
http://{{.Plain}} {
	bind 127.0.0.1
	import all
}
https://{{.Secure}} {
	bind 127.0.0.1
	tls {{.Dir}}/peer.pem {{.Dir}}/peer.pem
	import all
}
`)),
}

// withoutUpstream is net/http's server with nothing behind it.
const withoutUpstream = "net/http alone"

const peerName = "acme.deskgate.localhost"

// startPeers starts all proxies. Those that run are returned with an error, too.
func startPeers(ctx context.Context, s settings, dir, upstream string) (peers []peer, err error) {
	p, err := startNodes(ctx, s, dir, upstream)
	if err != nil {
		return nil, err
	}
	peers = append(peers, p)
	if err := writeCertificate(filepath.Join(dir, "peer.pem")); err != nil {
		return peers, err
	}
	caddy, err := buildCaddy(ctx, dir)
	if err != nil {
		return peers, err
	}
	self, err := os.Executable()
	if err != nil {
		return peers, err
	}
	for _, one := range []struct {
		name, program string
		args          []string
	}{
		{withoutUpstream, self, []string{"plain"}},
		{"plain ReverseProxy", self, []string{"plain"}},
		{"nginx", "nginx", []string{"-c"}},
		{"haproxy", "haproxy", []string{"-db", "-f"}},
		{"caddy", caddy, []string{"run", "--adapter", "caddyfile", "--config"}},
	} {
		p, err := startPeer(ctx, s, dir, upstream, one.name, one.program, one.args...)
		if err != nil {
			return peers, err
		}
		peers = append(peers, p)
	}
	return peers, nil
}

func startPeer(ctx context.Context, s settings, dir, upstream, name, program string, args ...string) (peer, error) {
	if _, err := exec.LookPath(program); err != nil {
		return peer{}, fmt.Errorf("%w: apt-get install nginx-light haproxy", err)
	}
	port := func(address string) string { return address[strings.LastIndexByte(address, ':'):] }
	p := peer{name: name, at: freePort(), securely: freePort()}
	p.host, p.shost = peerName+port(p.at), peerName+port(p.securely)
	told := struct{ Dir, Upstream, Plain, Secure, Name string }{dir, upstream, p.at, p.securely, peerName}
	if name == "caddy" { // whose addresses are the names that it answers to
		told.Plain, told.Secure = p.host, p.shost
	}
	if template := configs[name]; template != nil {
		config := filepath.Join(dir, name+".conf")
		f, err := os.Create(config)
		if err != nil {
			return peer{}, err
		}
		if err := errors.Join(template.Execute(f, told), f.Close()); err != nil {
			return peer{}, err
		}
		args = append(args, config)
	} else {
		from := "http://" + upstream
		if name == withoutUpstream {
			from = ""
		}
		args = append(args, p.at, from, p.securely, filepath.Join(dir, "peer.pem"))
	}
	var err error
	if p.plain, err = start(ctx, s, dir, program, args...); err != nil {
		return peer{}, err
	}
	p.secure = p.plain
	if err := errors.Join(answers(ctx, p.at), answers(ctx, p.securely)); err != nil {
		said, _ := os.ReadFile(p.plain.log.Name())
		p.plain.stop()
		return peer{}, fmt.Errorf("%s: %w: %s", name, err, said)
	}
	return p, nil
}

// startNodes starts one node in the clear and one with TLS.
func startNodes(ctx context.Context, s settings, dir, upstream string) (peer, error) {
	p := peer{name: "deskgate"}
	for _, mode := range []string{"off", "internal"} {
		n, err := startNode(ctx, s, dir, mode)
		if err != nil {
			return peer{}, err
		}
		host, _, err := net.SplitHostPort(n.host)
		if err != nil {
			return peer{}, err
		}
		if err := n.admin(ctx, nil, "route", "add", "acme", host, "/up", "http://"+upstream); err != nil {
			return peer{}, err
		}
		if mode == "off" {
			p.plain, p.at, p.host = n.process, n.addr, n.host
		} else {
			p.secure, p.securely, p.shost = n.process, n.addr, n.host
		}
	}
	return p, nil
}

// buildCaddy builds the newest release.
func buildCaddy(ctx context.Context, dir string) (program string, err error) {
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/caddyserver/caddy/v2/cmd/caddy@latest")
	cmd.Env, cmd.Dir = append(os.Environ(), "GOBIN="+dir), dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build Caddy: %w: %s", err, out)
	}
	return filepath.Join(dir, "caddy"), nil
}

// writeCertificate makes a certificate and its authority's, of the kind that the node's internal CA issues, with the key in the
// same file.
func writeCertificate(path string) error {
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Bench"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, DNSNames: []string{peerName},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	chain, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), signer)
	if err != nil {
		return err
	}
	above, err := x509.CreateCertificate(rand.Reader, authority, authority, signer.Public(), signer)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	var all []byte
	for _, b := range []pem.Block{{Type: "CERTIFICATE", Bytes: chain}, {Type: "CERTIFICATE", Bytes: above}, {Type: "PRIVATE KEY", Bytes: private}} {
		all = append(all, pem.EncodeToMemory(&b)...)
	}
	return os.WriteFile(path, all, 0o600)
}
