package web

import (
	"math/rand/v2"
	"regexp"
	"testing"
)

// tokensOf are base.css's colours in the light and in the dark theme.
func tokensOf(t *testing.T) (light, dark map[string]shade) {
	t.Helper()
	css, err := files.ReadFile("static/base.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark = map[string]shade{}, map[string]shade{}
	for _, m := range regexp.MustCompile(`(--color-[a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(string(css), -1) {
		c, ok := parseColor(m[2])
		if !ok {
			t.Fatalf("%s is no colour", m[2])
		}
		if _, second := light[m[1]]; second {
			dark[m[1]] = c
		} else {
			light[m[1]] = c
		}
	}
	if len(light) < 20 || len(light) != len(dark) {
		t.Fatalf("%d colours in the light theme, %d in the dark one", len(light), len(dark))
	}
	return light, dark
}

// legible fails where one of the pairs that base.css promises is hard to tell apart.
func legible(t *testing.T, what string, c map[string]shade) {
	t.Helper()
	least := func(enough float64, token string, grounds ...string) {
		for _, ground := range grounds {
			if got := contrast(c["--color-"+token], c["--color-"+ground]); got < enough {
				t.Errorf("%s: the contrast of %s (%s) on %s (%s) is %.2f, want %.1f", what, token, c["--color-"+token], ground, c["--color-"+ground], got, enough)
			}
		}
	}
	for _, text := range []string{"text", "muted", "link", "link-hover"} {
		least(textContrast, text, "page", "surface", "sunken")
	}
	least(textContrast, "on-brand", "brand", "brand-hover")
	least(textContrast, "brand-text", "brand-soft")
	for _, status := range []string{"wait", "work", "done", "rest", "bad", "note"} {
		least(textContrast, status, status+"-soft")
	}
	least(textContrast, "bad", "page", "surface", "sunken")
	least(textContrast, "text", "note-soft")
	for _, shape := range []string{"accent", "focus", "line-strong"} {
		least(shapeContrast, shape, "page", "surface", "sunken")
	}
}

func TestOwnColorsAreLegible(t *testing.T) {
	light, dark := tokensOf(t)
	legible(t, "light", light)
	legible(t, "dark", dark)
}

// TestAnyBrandIsLegible: whatever colour a tenant chooses, all that is drawn in it can be read.
func TestAnyBrandIsLegible(t *testing.T) {
	light, dark := tokensOf(t)
	var brands []shade
	for _, r := range []float64{0, .2, .4, .5, .6, .8, 1} {
		for _, g := range []float64{0, .2, .4, .5, .6, .8, 1} {
			for _, b := range []float64{0, .2, .4, .5, .6, .8, 1} {
				brands = append(brands, shade{r, g, b})
			}
		}
	}
	chance := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		brands = append(brands, shade{chance.Float64(), chance.Float64(), chance.Float64()})
	}
	lightScheme, darkScheme := schemes()
	for _, brand := range brands {
		brand, _ = parseColor(brand.String())
		for _, theme := range []struct {
			name   string
			scheme scheme
			tokens map[string]shade
		}{{"light", lightScheme, light}, {"dark", darkScheme, dark}} {
			for _, token := range theme.scheme.theme(brand) {
				theme.tokens[token.Token], _ = parseColor(token.Value)
			}
			legible(t, brand.String()+" "+theme.name, theme.tokens)
			if t.Failed() {
				return
			}
		}
	}
}

// TestSchemesAreTheirs: the grounds that colours are measured against are those of the style file.
func TestSchemesAreTheirs(t *testing.T) {
	light, dark := tokensOf(t)
	lightScheme, darkScheme := schemes()
	for _, theme := range []struct {
		scheme scheme
		tokens map[string]shade
	}{{lightScheme, light}, {darkScheme, dark}} {
		for i, token := range []string{"--color-page", "--color-surface", "--color-sunken"} {
			if theme.scheme.grounds[i] != theme.tokens[token] {
				t.Errorf("%s is %s in base.css and %s in theme.go", token, theme.tokens[token], theme.scheme.grounds[i])
			}
		}
	}
}

func TestThemeFile(t *testing.T) {
	brand, _ := parseColor("#0b6e4f")
	name := themeName(brand)
	if f, ok := themeAsset(name); !ok || len(f.content) < 300 {
		t.Errorf("%s is not there, or has too little in it", name)
	}
	for _, wrong := range []string{"theme-0b6e4f.css", "theme-0b6e4f.000000000000.css", "theme-.css", "theme-zzzzzz.x.css", "base.css", "theme-0B6E4F" + name[12:]} {
		if _, ok := themeAsset(wrong); ok {
			t.Errorf("there is a theme called %s", wrong)
		}
	}
}
