package main

import (
	"cmp"
	"fmt"
	"io"

	"pressrun/subscribers"
)

type listVerb struct {
	Add listAdd `cmd:"" help:"Make a list."`
	Set listSet `cmd:"" help:"Change what readers see of a list, and whether they may join it by themselves."`
	Ls  listLs  `cmd:"" help:"List lists with their numbers."`
}

type listAdd struct {
	Name        string `arg:"" help:"Short name."`
	Title       string `help:"Name that readers see."`
	Description string `help:"What comes, and how often."`
	Language    string `default:"en" help:"Language of its confirmation mails when the form has none."`
	Private     bool   `help:"Not offered on the sign-up page; the newsletters that go to it are not in the public archive, unless they say archive = \"public\"."`
}

func (v *listAdd) Run(e *env) error {
	return e.with(func(p *Press) error {
		l, err := p.Subscribers.CreateList(e.ctx, subscribers.List{Name: v.Name, Title: v.Title, Description: v.Description, Language: v.Language, Public: !v.Private})
		if err != nil {
			return err
		}
		if err := e.record(p, "make", "list "+l.Name, l.Title); err != nil {
			return err
		}
		return e.print(l, func(w io.Writer) { fmt.Fprintf(w, "list %s made\n", l.Name) })
	})
}

type listSet struct {
	Name        string  `arg:"" help:"Short name."`
	Title       *string `help:"Name that readers see."`
	Description *string `help:"What comes, and how often."`
	In          string  `help:"Language of --title and --description, such as ur: readers of that language see them; both empty takes them back. Left out, the list's own."`
	Language    *string `help:"Language of the list's own title, and of its confirmation mails when the form has none. What was said in it becomes the title."`
	Public      bool    `xor:"who" help:"Offered on the sign-up page; its newsletters are in the public archive, unless they say archive = \"private\"."`
	Private     bool    `xor:"who" help:"Not offered there, nor are its newsletters in the public archive, unless they say archive = \"public\"."`
}

func (v *listSet) Run(e *env) error {
	return e.with(func(p *Press) error {
		l, err := p.Subscribers.ListByName(e.ctx, v.Name)
		if err != nil {
			return err
		}
		was := l
		if v.Language != nil {
			l.Speak(*v.Language)
		}
		in := cmp.Or(v.In, l.Language)
		words := l.Said(in)
		for given, into := range map[*string]*string{v.Title: &words.Title, v.Description: &words.Description} {
			if given != nil {
				*into = *given
			}
		}
		l.Say(in, words)
		l.Public = v.Public || l.Public && !v.Private
		if l, err = p.Subscribers.SetList(e.ctx, l); err != nil {
			return err
		}
		if err := e.record(p, "set", "list "+l.Name, l.Change(was)); err != nil {
			return err
		}
		return e.print(l, func(w io.Writer) {
			fmt.Fprintf(w, "list %s: %s, in %s, %s\n", l.Name, l.Title, l.Language, l.Offered())
		})
	})
}

type listLs struct{}

func (listLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Subscribers.CountedLists(e.ctx)
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) {
			table(w, "no lists yet; make one with: pressrun list add NAME", "NAME | READERS | PENDING | PAUSED | LEFT | SIGN-UP | TITLE", func(row func(...any)) {
				for _, l := range list {
					row(l.Name, l.Reached, l.Counts[subscribers.Pending], l.Counts[subscribers.Paused], l.Counts[subscribers.Unsubscribed], l.Offered(), l.Title)
				}
			})
		})
	})
}

type segmentVerb struct {
	Set segmentSet `cmd:"" help:"Make or change a segment."`
	Ls  segmentLs  `cmd:"" help:"List segments."`
	Try segmentTry `cmd:"" help:"Count whom a segment finds on a list."`
	Rm  segmentRm  `cmd:"" help:"Forget a segment."`
}

type segmentSet struct {
	Name string `arg:"" help:"Short name."`
	Rule string `arg:"" help:"Rule, for instance: language == \"ur\" && attrs.city == \"Lahore\""`
}

func (v *segmentSet) Run(e *env) error {
	return e.with(func(p *Press) error {
		seg, err := p.Subscribers.SaveSegment(e.ctx, v.Name, v.Rule)
		if err != nil {
			return err
		}
		if err := e.record(p, "set", "segment "+seg.Name, seg.Rule); err != nil {
			return err
		}
		return e.print(seg, func(w io.Writer) { fmt.Fprintf(w, "segment %s: %s\n", seg.Name, seg.Rule) })
	})
}

type segmentLs struct{}

func (segmentLs) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Subscribers.Segments(e.ctx)
		if err != nil {
			return err
		}
		return e.print(list, func(w io.Writer) {
			table(w, "no segments yet", "NAME | RULE", func(row func(...any)) {
				for _, s := range list {
					row(s.Name, s.Rule)
				}
			})
		})
	})
}

type segmentTry struct {
	List string `required:"" help:"List."`
	Name string `arg:"" help:"Segment."`
}

func (v *segmentTry) Run(e *env) error {
	return e.with(func(p *Press) error {
		list, err := p.Subscribers.ListID(e.ctx, p.DB.Read, v.List)
		if err != nil {
			return err
		}
		n, err := p.Subscribers.Count(e.ctx, subscribers.Audience{List: list, Segment: v.Name, Slot: p.Now(), Zone: "UTC"})
		if err != nil {
			return err
		}
		return e.print(map[string]int{"readers": n}, func(w io.Writer) { fmt.Fprintln(w, several(n, "reader", "readers")) })
	})
}

type segmentRm struct {
	Name string `arg:"" help:"Segment."`
}

func (v *segmentRm) Run(e *env) error {
	return e.with(func(p *Press) error {
		if err := p.Subscribers.RemoveSegment(e.ctx, v.Name); err != nil {
			return err
		}
		if err := e.record(p, "forget", "segment "+v.Name, ""); err != nil {
			return err
		}
		return e.did(facts{"segment": v.Name}, "segment %s is forgotten", v.Name)
	})
}
