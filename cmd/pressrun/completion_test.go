package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The script that bash gets offers in bash what the command line knows.
func TestCompletionInBash(t *testing.T) {
	d := &deskless{T: t, dir: t.TempDir()}
	code, script, errs := d.verb("", "completion", "bash")
	if code != 0 {
		t.Fatal(errs)
	}
	file := filepath.Join(d.dir, "completion.bash")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typed     string
		want, not string
	}{
		{"iss", "issue", "source"}, {"issue ", "render", "merge"}, {"issue ren", "render", "show"},
		{"-q issue render --", "--offline", "--story"}, {"issue edit --ti", "--title", "--summary"}, {"source a", "add", "ls"}, {"-", "--config", "issue"}, {"issue show --js", "--json", "--quiet"}, {"doctor ", "dns", "all,"}, {"completion z", "zsh", "fish"},
	} {
		words := strings.Split("pressrun "+c.typed, " ")
		run := "set -u; source " + file + "; COMP_WORDS=('" + strings.Join(words, "' '") + "'); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _pressrun; printf '%s\\n' \"${COMPREPLY[@]}\""
		out, err := exec.Command("bash", "-c", run).CombinedOutput()
		offered := strings.Fields(string(out))
		if err != nil || !slices.Contains(offered, c.want) || slices.Contains(offered, c.not) {
			t.Errorf("%q offers %v, %v; want %s and not %s", c.typed, offered, err, c.want, c.not)
		}
	}
	for _, shell := range []string{"zsh", "fish"} {
		if code, out, errs := d.verb("", "completion", shell); code != 0 || !strings.Contains(out, "render") {
			t.Errorf("%s: exit %d: %s", shell, code, errs)
		}
	}
	if code, _, errs := d.verb("", "completion", "tcsh"); code != exitUsage || !strings.Contains(errs, "bash") {
		t.Errorf("tcsh: exit %d: %s", code, errs)
	}
}
