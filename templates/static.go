package templates

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// StaticPrefix is where [StaticHandler] has to be mounted: pages and desk link
// to their files below it.
const StaticPrefix = "/static/"

// Static is the files that browsers load: the style sheets, htmx, the icon.
func Static() fs.FS {
	sub, err := fs.Sub(staticFiles, "static")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return sub
}

// StaticHandler serves [Static] below StaticPrefix, and with it one style sheet
// per accent colour, accent-rrggbb.css, so that pages need no inline styles and
// can run under a strict Content-Security-Policy. Addresses carry the version of
// the files ([staticURL]) and are cached for a year; without it for an hour.
func StaticHandler() http.Handler {
	files := http.StripPrefix(StaticPrefix, http.FileServerFS(Static()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "these files are to be read alone", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=3600")
		if r.URL.Query().Get("v") == staticVersion {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		name := strings.TrimPrefix(r.URL.Path, StaticPrefix)
		if colour, ok := accentOf(name); ok {
			w.Header().Set("Content-Type", "text/css; charset=utf-8")
			_, _ = w.Write([]byte(accentCSS(colour)))
			return
		}
		if name == "" || strings.HasSuffix(name, "/") {
			http.NotFound(w, r)
			return
		}
		files.ServeHTTP(w, r)
	})
}

// accentOf finds the colour in accent-rrggbb.css.
func accentOf(name string) (string, bool) {
	hexa, ok := strings.CutPrefix(name, "accent-")
	if !ok {
		return "", false
	}
	hexa, ok = strings.CutSuffix(hexa, ".css")
	colour := "#" + hexa
	return colour, ok && hexColour.MatchString(colour)
}

func accentCSS(colour string) string {
	light, dark := lightTokens.branded(colour), darkTokens.branded(colour)
	return fmt.Sprintf(":root{--accent:%s;--on-accent:%s}\n@media (prefers-color-scheme:dark){:root{--accent:%s;--on-accent:%s}}\n",
		light["accent"], light["on-accent"], dark["accent"], dark["on-accent"])
}

// staticURL is the address of a static file with its version.
func staticURL(name string) string { return StaticPrefix + name + "?v=" + staticVersion }

// accentURL is the address of a brand's accent, "" for the default.
func accentURL(accent string) string {
	if !hexColour.MatchString(accent) {
		return ""
	}
	return staticURL("accent-" + strings.ToLower(accent[1:]) + ".css")
}

// staticVersion changes whenever a static file does.
var staticVersion = hashStatic()

func hashStatic() string {
	h := sha256.New()
	err := fs.WalkDir(staticFiles, "static", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := staticFiles.ReadFile(path)
		h.Write([]byte(path))
		h.Write(b)
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return hex.EncodeToString(h.Sum(nil)[:5])
}
