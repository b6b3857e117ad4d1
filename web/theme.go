package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tenant"
)

// Contrast that is kept whatever colour a tenant chose: WCAG's for text, and for what only has to be seen.
const (
	textContrast  = 4.5
	shapeContrast = 3.0
)

// shade is an sRGB colour, each part from 0 to 1.
type shade [3]float64

var (
	white = shade{1, 1, 1}
	black = shade{0, 0, 0}
)

// parseColor reads #rrggbb.
func parseColor(s string) (shade, bool) {
	digits, marked := strings.CutPrefix(s, "#")
	n, err := strconv.ParseUint(digits, 16, 32)
	if !marked || len(digits) != 6 || err != nil {
		return shade{}, false
	}
	return shade{float64(n>>16) / 255, float64(n>>8&0xff) / 255, float64(n&0xff) / 255}, true
}

// String is the colour as CSS has it.
func (c shade) String() string {
	b := [3]int{}
	for i, v := range c {
		b[i] = int(math.Round(v * 255))
	}
	return fmt.Sprintf("#%02x%02x%02x", b[0], b[1], b[2])
}

// luminance is the relative luminance of WCAG 2.
func (c shade) luminance() float64 {
	var lin [3]float64
	for i, v := range c {
		lin[i] = v / 12.92
		if v > 0.04045 {
			lin[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*lin[0] + 0.7152*lin[1] + 0.0722*lin[2]
}

// contrast is that of two colours, 1 to 21.
func contrast(a, b shade) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// toward is the colour, part of the way to another: one that can be written as #rrggbb, so that what is measured is what is seen.
func (c shade) toward(to shade, part float64) shade {
	for i := range c {
		c[i] = math.Round((c[i]+(to[i]-c[i])*part)*255) / 255
	}
	return c
}

// readable moves a colour toward an end, black or white, until its contrast to each of the grounds is enough. The ends of both
// themes have it, so that it always arrives.
func (c shade) readable(end shade, enough float64, grounds ...shade) shade {
	const steps = 200
	for i := range steps {
		moved := c.toward(end, float64(i)/steps)
		if moved.over(enough, grounds...) {
			return moved
		}
	}
	return end
}

// over reports whether the contrast to each of the grounds is at least that.
func (c shade) over(enough float64, grounds ...shade) bool {
	for _, g := range grounds {
		if contrast(c, g) < enough {
			return false
		}
	}
	return true
}

// scheme is what a theme is for the colours that have to stand out from it.
type scheme struct {
	// grounds are --color-page, --color-surface and --color-sunken in base.css.
	grounds []shade
	surface shade
	// end is where colours move to be seen.
	end shade
}

func schemes() (light, dark scheme) {
	at := func(s string) shade { c, _ := parseColor(s); return c }
	light = scheme{grounds: []shade{at("#f5f6f8"), white, at("#eef0f3")}, surface: white, end: black}
	dark = scheme{grounds: []shade{at("#0f141b"), at("#181f29"), at("#111720")}, surface: at("#181f29"), end: white}
	return light, dark
}

// theme gives the tokens of base.css that a tenant's colour takes the place of.
func (s scheme) theme(brand shade) []struct{ Token, Value string } {
	ink := white
	if contrast(brand, white) < textContrast {
		ink = black // the one or the other is always enough
	}
	hover := brand.toward(black, 0.14)
	if contrast(hover, ink) < textContrast {
		hover = brand.toward(white, 0.14)
	}
	soft := s.surface.toward(brand, 0.12)
	accent := brand.readable(s.end, shapeContrast, s.grounds...)
	link := brand.readable(s.end, textContrast, s.grounds...)
	return []struct{ Token, Value string }{
		{"--color-brand", brand.String()},
		{"--color-brand-hover", hover.String()},
		{"--color-on-brand", ink.String()},
		{"--color-brand-soft", soft.String()},
		{"--color-brand-text", brand.readable(s.end, textContrast, soft).String()},
		{"--color-link", link.String()},
		{"--color-link-hover", link.toward(s.end, 0.25).String()},
		{"--color-accent", accent.String()},
		{"--color-focus", accent.String()},
	}
}

// themeCSS is the style file of a brand's colour.
func themeCSS(brand shade) []byte {
	light, dark := schemes()
	var b strings.Builder
	write := func(s scheme, before, after string) {
		b.WriteString(before + ":root{")
		for _, t := range s.theme(brand) {
			b.WriteString(t.Token + ":" + t.Value + ";")
		}
		b.WriteString("}" + after + "\n")
	}
	write(light, "", "")
	write(dark, "@media (prefers-color-scheme:dark){", "}")
	return []byte(b.String())
}

// themeFile is the name of the style file of a tenant's colour, which changes with what is in it; empty: the tenant has no
// colour of its own.
func themeFile(t *tenant.Tenant) string {
	if t == nil {
		return ""
	}
	brand, ok := parseColor(t.Settings.BrandColor)
	if !ok {
		return ""
	}
	return themeName(brand)
}

func themeName(brand shade) string {
	sum := sha256.Sum256(themeCSS(brand))
	return "theme-" + strings.TrimPrefix(brand.String(), "#") + "." + hex.EncodeToString(sum[:6]) + ".css"
}

// themeAsset is the style file with this name. What is in it follows from the name alone.
func themeAsset(name string) (asset, bool) {
	rest, is := strings.CutPrefix(name, "theme-")
	digits, _, _ := strings.Cut(rest, ".")
	brand, ok := parseColor("#" + digits)
	if !is || !ok || themeName(brand) != name {
		return asset{}, false
	}
	return asset{packed: packed{content: themeCSS(brand)}, mediaType: "text/css; charset=utf-8"}, true
}
