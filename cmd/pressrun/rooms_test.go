package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestRooms holds the one rule that keeps the code in rooms: digest,
// subscribers and mailer never import one another, any of them may import
// templates, templates imports no room, and nobody imports cmd. It reads the
// sources itself: a test that asks the go command is fooled by the test cache.
func TestRooms(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		room := strings.Split(filepath.ToSlash(rel), "/")[0]
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		for _, imp := range f.Imports {
			name, _ := strconv.Unquote(imp.Path.Value)
			if other, ok := strings.CutPrefix(name, "pressrun/"); ok && !mayImport(room, strings.Split(other, "/")[0]) {
				t.Errorf("%s imports %s: %s may not know %s", rel, name, room, other)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files were read: the walk is broken", files)
	}
}

func mayImport(room, other string) bool {
	if room == other {
		return true
	}
	switch room {
	case "cmd":
		return true
	case "digest", "subscribers", "mailer":
		return other == "templates" || other == "deploy"
	}
	return false
}

func TestMayImport(t *testing.T) {
	for _, c := range []struct {
		room, other string
		want        bool
	}{
		{"digest", "mailer", false}, {"mailer", "subscribers", false}, {"subscribers", "digest", false},
		{"digest", "templates", true}, {"mailer", "deploy", true}, {"templates", "digest", false},
		{"templates", "deploy", false}, {"deploy", "mailer", false}, {"mailer", "cmd", false}, {"cmd", "mailer", true},
	} {
		if got := mayImport(c.room, c.other); got != c.want {
			t.Errorf("%s imports %s: got %v, want %v", c.room, c.other, got, c.want)
		}
	}
}

var statement = regexp.MustCompile(`(?is)^\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s)`)

// TestNoSQLUnderCmd keeps statements next to the code that owns their tables.
func TestNoSQLUnderCmd(t *testing.T) {
	names, _ := filepath.Glob("*.go")
	inner, _ := filepath.Glob("*/*.go")
	for _, name := range append(names, inner...) {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && statement.MatchString(text) {
					t.Errorf("%s holds a statement: %.60s", name, text)
				}
			}
			return true
		})
	}
	if !statement.MatchString("sel" + "ect a\nfrom b") {
		t.Error("the pattern finds no statement")
	}
}
