package templates

import (
	"fmt"
	"strings"
	"testing"
)

// Every pair of text and ground that mails, pages and desk put together can be
// read, in both schemes and with any brand's colour.
func TestTokensContrast(t *testing.T) {
	for name, s := range map[string]scheme{"light": lightTokens, "dark": darkTokens} {
		for _, accent := range []string{"", "#ffe600", "#000000", "#ffffff", "#8a2f1d", "#00ff88", "#7f7f7f"} {
			s := s.branded(accent)
			for _, text := range []string{"ink", "soft", "accent", "alert", "warn", "good"} {
				for _, ground := range []string{"paper", "page"} {
					enough(t, name, s, text, ground, 4.5)
				}
			}
			enough(t, name, s, "on-accent", "accent", 4.5)
			enough(t, name, s, "edge", "paper", 3)
			for _, ground := range []string{"raised", "alert-wash", "warn-wash"} {
				enough(t, name, s, "ink", ground, 4.5)
				enough(t, name, s, "soft", ground, 4.5)
			}
			enough(t, name, s, "alert", "alert-wash", 4.5)
			enough(t, name, s, "warn", "warn-wash", 4.5)
		}
	}
}

func enough(t *testing.T, name string, s scheme, text, ground string, want float64) {
	t.Helper()
	if got := contrast(s[text], s[ground]); got < want {
		t.Errorf("%s: %s %s on %s %s is %.2f:1, want %.1f:1", name, text, s[text], ground, s[ground], got, want)
	}
}

func TestContrastIsWCAGs(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want string
	}{{"#000000", "#ffffff", "21.00"}, {"#777777", "#ffffff", "4.48"}, {"#ffffff", "#ffffff", "1.00"}} {
		if got := fmt.Sprintf("%.2f", contrast(tc.a, tc.b)); got != tc.want {
			t.Errorf("%s on %s: got %s, want %s", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestResolve(t *testing.T) {
	got, err := resolve("/* x */ .a { color: var(--c); }\n@media (prefers-color-scheme: dark) { .a { color: var(--c); } }\n[data-ogsc] .a { color: dark(--c); }", scheme{"c": "#111111"}, scheme{"c": "#eeeeee"})
	if err != nil {
		t.Fatal(err)
	}
	if want := ".a{color:#111111}@media (prefers-color-scheme: dark){.a{color:#eeeeee}}[data-ogsc] .a{color:#eeeeee}"; strings.ReplaceAll(got, ": dark", ":dark") != strings.ReplaceAll(want, ": dark", ":dark") {
		t.Errorf("got %s", got)
	}
	if _, err := resolve("a { color: var(--nothing) }", scheme{}, scheme{}); err == nil || !strings.Contains(err.Error(), "--nothing") {
		t.Errorf("a missing token gives %v", err)
	}
}
