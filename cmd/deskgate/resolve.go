package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/deskgate/deskgate/storage"
)

// settingValues are the values of settings by name, as one source gives them.
type settingValues map[string][]string

// settingError says which setting can't be used, in the words of the place where it was given.
type settingError struct {
	where string // --tls, DESKGATE_TLS, deskgate.toml: tls
	err   error
}

func (e *settingError) Error() string { return e.where + ": " + e.err.Error() }
func (e *settingError) Unwrap() error { return e.err }

// source is one place that gives settings.
type source struct {
	values settingValues
	where  func(d setting) string
}

// sources are the places that give settings, the strongest first: flags, variables, the file.
func (p *program) sources() ([]source, error) {
	env, err := p.fromEnvironment()
	if err != nil {
		return nil, err
	}
	sources := []source{
		{p.settings, func(d setting) string { return "--" + d.name }},
		{env, setting.variable},
	}
	if file := firstOf(p.settings["config"], env["config"]); file != "" {
		where := "--config"
		if len(p.settings["config"]) == 0 {
			where = "DESKGATE_CONFIG"
		}
		values, err := fromFile(where, file)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source{values, func(d setting) string { return file + ": " + d.name }})
	}
	return sources, nil
}

// resolve puts the settings together. Extra sources are asked after flags, variables and file.
func (p *program) resolve(extra ...source) (*settings, error) {
	sources, err := p.sources()
	if err != nil {
		return nil, err
	}
	s, err := resolveFrom(append(sources, extra...))
	if err != nil {
		return nil, err
	}
	if s.acmeDNSKeyText, err = p.credential("acme-dns-key"); err != nil {
		return nil, &settingError{"credential acme-dns-key", err}
	}
	if s.acmeEABText, err = p.credential("acme-eab"); err != nil {
		return nil, &settingError{"credential acme-eab", err}
	}
	if key := p.getenv("DESKGATE_ACME_EAB_KEY"); key != "" {
		s.acmeEABText += "\n" + key
	}
	s.masterKey, err = p.masterKey()
	return s, err
}

// resolveFrom takes every setting from the first source that knows it.
func resolveFrom(sources []source) (*settings, error) {
	s := &settings{given: settingValues{}}
	for _, d := range knownSettings() {
		if err := d.from(s, sources); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// from sets the field of d from the first source that knows it.
func (d setting) from(s *settings, sources []source) error {
	for _, src := range sources {
		values, given := src.values[d.name]
		if !given {
			continue
		}
		if len(values) > 1 && !d.repeated {
			return &settingError{src.where(d), errors.New("is given more than once")}
		}
		for _, v := range values {
			if err := d.parse(s, v); err != nil {
				return &settingError{src.where(d), err}
			}
		}
		s.given[d.name] = values
		return nil
	}
	if d.standard == "" {
		return nil
	}
	return d.parse(s, d.standard)
}

func firstOf(lists ...[]string) string {
	for _, l := range lists {
		if len(l) > 0 {
			return l[0]
		}
	}
	return ""
}

// fromEnvironment reads the DESKGATE_… variables. Lists are separated by commas. An empty variable counts as absent, as
// in a unit file or a compose file that passes on what may not be there.
func (p *program) fromEnvironment() (settingValues, error) {
	values := settingValues{}
	if v := p.getenv("DESKGATE_CONFIG"); v != "" {
		values["config"] = []string{v}
	}
	for _, d := range knownSettings() {
		v := p.getenv(d.variable())
		if v == "" {
			continue
		}
		values[d.name] = []string{v}
		if d.repeated {
			values[d.name] = splitList(v)
		}
	}
	if _, given := values["smtp-url"]; !given {
		url, err := p.credential("smtp-url")
		if err != nil {
			return nil, &settingError{"credential smtp-url", err}
		}
		if url = strings.TrimSpace(url); url != "" {
			values["smtp-url"] = []string{url}
		}
	}
	return values, nil
}

func splitList(v string) []string {
	var out []string
	for one := range strings.SplitSeq(v, ",") {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}

// getenv is the last value of a variable in the program's environment.
func (p *program) getenv(name string) string {
	for _, kv := range slices.Backward(p.environ) {
		if k, v, _ := strings.Cut(kv, "="); k == name {
			return v
		}
	}
	return ""
}

// fromFile reads a TOML file whose keys are the names of the settings. Where is what named the file.
func fromFile(where, name string) (settingValues, error) {
	var doc map[string]any
	b, err := os.ReadFile(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, &settingError{where, err}
	}
	if err := toml.Unmarshal(b, &doc); err != nil {
		return nil, &settingError{name, err}
	}
	known := map[string]setting{}
	for _, d := range knownSettings() {
		known[d.name] = d
	}
	values := settingValues{}
	for key, v := range doc {
		d, ok := known[strings.ReplaceAll(key, "_", "-")]
		if !ok {
			return nil, &settingError{name + ": " + key, errors.New("there is no such setting")}
		}
		list, err := scalars(v)
		if err != nil {
			return nil, &settingError{name + ": " + key, err}
		}
		values[d.name] = list
	}
	return values, nil
}

// scalars turns what TOML has for a setting into the words that a flag would have.
func scalars(v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return []string{v}, nil
	case int64, float64, bool:
		return []string{fmt.Sprint(v)}, nil
	case []any:
		out := []string{}
		for _, one := range v {
			words, err := scalars(one)
			if err != nil {
				return nil, err
			}
			out = append(out, words...)
		}
		return out, nil
	default:
		return nil, errors.New("is neither a text, a number, nor a list of them")
	}
}

// masterKey is the key from outside that seals the tenants' keys, or nil: then the data folder holds it.
func (p *program) masterKey() ([]byte, error) {
	if v := p.getenv("DESKGATE_MASTER_KEY"); v != "" {
		key, err := storage.ParseMasterKey(v)
		if err != nil {
			return nil, &settingError{"DESKGATE_MASTER_KEY", err}
		}
		return key, nil
	}
	v, err := p.credential("master.key")
	if err != nil || v == "" {
		return nil, err
	}
	key, err := storage.ParseMasterKey(v)
	if err != nil {
		return nil, &settingError{"credential master.key", err}
	}
	return key, nil
}

// credential reads what systemd put into $CREDENTIALS_DIRECTORY; one that is not there is empty.
func (p *program) credential(name string) (string, error) {
	dir := p.getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return "", nil
	}
	b, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // systemd names the folder
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}
