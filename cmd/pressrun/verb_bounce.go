package main

import "pressrun/mailer/bounce"

type bounceVerb struct {
	Classify bounceClassify `cmd:"" help:"Say what mails that came back mean, as JSON lines. Needs no database."`
}

type bounceClassify struct {
	Files []string `arg:"" help:"Mail files."`
}

func (v *bounceClassify) Run(e *env) error { return bounce.ClassifyFiles(e.out, v.Files) }
