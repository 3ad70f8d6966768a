package main

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionVerb struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script for the shell: what may follow each verb.
func (v *completionVerb) Run(e *env) error {
	next, err := completions()
	if err != nil {
		return err
	}
	if e.json {
		return e.print(next, nil)
	}
	switch v.Shell {
	case "fish":
		return fishCompletion(e.out, next)
	case "zsh":
		fmt.Fprintln(e.out, "# pressrun completion zsh: add to ~/.zshrc, after compinit:  source <(pressrun completion zsh)\nautoload -U +X bashcompinit && bashcompinit")
	}
	return bashCompletion(e.out, next)
}

// completions are what may follow each verb: "" is pressrun itself, "issue"
// gives its verbs, "issue/show" its flags, "doctor" what it can look at too.
func completions() (map[string][]string, error) {
	parser, err := kong.New(new(verbs), kong.Name("pressrun"))
	if err != nil {
		return nil, err
	}
	next := map[string][]string{}
	var walk func(verb string, n *kong.Node)
	walk = func(verb string, n *kong.Node) {
		flags := n.Flags
		if verb != "" {
			flags = slices.Concat(flags, parser.Model.Flags)
		}
		for _, f := range flags {
			if !f.Hidden {
				next[verb] = append(next[verb], "--"+f.Name)
			}
		}
		for _, a := range n.Positional {
			if a.Enum != "" {
				next[verb] = append(next[verb], a.EnumSlice()...)
			}
		}
		for _, child := range n.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				next[verb] = append(next[verb], child.Name)
				walk(path.Join(verb, child.Name), child)
			}
		}
	}
	walk("", parser.Model.Node)
	return next, nil
}

// bashCompletion finds the verb among the words typed so far, whatever flags
// stand between them, and offers what follows it; where nothing does, files.
// zsh runs the same, so names that are its own (path, words) are not used.
func bashCompletion(w io.Writer, next map[string][]string) error {
	var steps, offers strings.Builder
	for _, verb := range slices.Sorted(maps.Keys(next)) {
		if verb != "" {
			fmt.Fprintf(&steps, "      '%s') verb='%s' ;;\n", typed(verb), verb)
		}
		fmt.Fprintf(&offers, "    '%s') next='%s' ;;\n", verb, strings.Join(next[verb], " "))
	}
	_, err := fmt.Fprintf(w, `# pressrun completion bash: add to ~/.bashrc:  source <(pressrun completion bash)
_pressrun() {
  local verb= next= word
  for word in "${COMP_WORDS[@]:1:$((COMP_CWORD-1))}"; do
    case "$verb $word" in
%s    esac
  done
  case "$verb" in
%s  esac
  COMPREPLY=($(compgen -W "$next" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _pressrun pressrun
`, &steps, &offers)
	return err
}

// fishCompletion does in fish what bashCompletion does.
func fishCompletion(w io.Writer, next map[string][]string) error {
	var steps, offers strings.Builder
	for _, verb := range slices.Sorted(maps.Keys(next)) {
		if verb != "" {
			fmt.Fprintf(&steps, "      case '%s'\n        set verb '%s'\n", typed(verb), verb)
		}
		fmt.Fprintf(&offers, "    case '%s'\n      string split ' ' -- '%s'\n", verb, strings.Join(next[verb], " "))
	}
	_, err := fmt.Fprintf(w, `# pressrun completion fish: save as ~/.config/fish/completions/pressrun.fish
function __pressrun_next
  set -l verb ''
  for word in (commandline -opc)[2..-1]
    switch "$verb $word"
%s    end
  end
  switch "$verb"
%s  end
end
complete -c pressrun -a '(__pressrun_next)'
`, &steps, &offers)
	return err
}

// typed is the verb reached before and the word that leads on: "issue show" for
// "issue/show", " issue" for "issue".
func typed(verb string) string {
	before, word := path.Split(verb)
	return strings.TrimSuffix(before, "/") + " " + word
}
