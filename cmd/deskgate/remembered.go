package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// nodeFile is where the node notes the settings that commands need as well, so that they work without repeating them
// where no node runs.
const nodeFile = "node.json"

// remembers says whether a setting is noted.
func remembers(name string) bool {
	switch name {
	case "node-url", "tls", "acme-ca", "dns-resolver", "node-address", "store":
		return true
	}
	return false
}

// remember notes what the running node was told.
func remember(s *settings) error {
	kept := settingValues{}
	for name, values := range s.given {
		if remembers(name) {
			kept[name] = values
		}
	}
	b, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(s.data, nodeFile), append(b, '\n'))
}

// remembered is the source of what the last node noted in the data folder. Nothing there is an empty source.
func remembered(dir string) (source, error) {
	name := filepath.Join(dir, nodeFile)
	src := source{where: func(d setting) string { return name + ": " + d.name }}
	b, err := os.ReadFile(name) //nolint:gosec // the operator names the folder
	if errors.Is(err, fs.ErrNotExist) {
		return src, nil
	}
	if err != nil {
		return src, err
	}
	if err := json.Unmarshal(b, &src.values); err != nil {
		return src, fmt.Errorf("%s: %w", name, err)
	}
	return src, nil
}

// writeFile replaces a file in one step. Only its owner can read it.
func writeFile(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// forCommand are the settings of a command that works on a data folder: what it is told, and for the rest what the node
// was told when it ran last.
func (p *program) forCommand() (*settings, error) {
	s, err := p.resolve()
	if err != nil {
		return nil, err
	}
	kept, err := remembered(s.data)
	if err != nil {
		return nil, err
	}
	if s, err = p.resolve(kept); err == nil {
		p.bound(s)
	}
	return s, err
}
