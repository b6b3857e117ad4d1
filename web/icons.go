package web

import (
	"encoding/xml"
	"fmt"
	"html/template"
	"io/fs"
)

// icons are the drawings of icons.svg by name. They are put into the page where they are used: no request, and they take
// the colour of the text beside them.
type icons map[string]template.HTML

// newIcons reads the sprite: one symbol for each icon, drawn with lines on 20 × 20.
func newIcons(files fs.FS) (icons, error) {
	b, err := fs.ReadFile(files, "icons.svg")
	if err != nil {
		return nil, err
	}
	var sprite struct {
		Symbols []struct {
			ID   string `xml:"id,attr"`
			Body string `xml:",innerxml"`
		} `xml:"symbol"`
	}
	if err := xml.Unmarshal(b, &sprite); err != nil {
		return nil, fmt.Errorf("icons.svg: %w", err)
	}
	all := icons{}
	for _, s := range sprite.Symbols {
		const form = `<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">%s</svg>`
		all[s.ID] = template.HTML(fmt.Sprintf(form, s.Body)) //nolint:gosec // our own drawing
	}
	return all, nil
}

// icon is the drawing with this name. It says nothing to screen readers: the words beside it do.
func (all icons) icon(name string) (template.HTML, error) {
	drawing, ok := all[name]
	if !ok {
		return "", fmt.Errorf("there is no icon %q", name)
	}
	return drawing, nil
}
