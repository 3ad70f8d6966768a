package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"pressrun/mailer/bounce"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
)

// Sending services that write the return path anew get the bounces themselves,
// and post what they make of them to
//
//	https://any:TOKEN@digest.example.com/v1/bounces/SERVICE
//
// where TOKEN has the role list admin.

// serviceBody is the most bytes a service may post at once.
const serviceBody = 4 << 20

// apiBounces takes what a service posts. All of it is dealt with before it
// answers: a service that hears nothing, or of trouble, posts the same again.
func (p *Press) apiBounces(r *http.Request, _ string) (int, any, error) {
	service := r.PathValue("service")
	if known := bounce.Providers(); !slices.Contains(known, service) {
		return 0, nil, refusal{http.StatusNotFound, fmt.Sprintf("no service %q is known; post to /v1/bounces/ and one of %s", service, strings.Join(known, ", "))}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, nil, refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is longer than %d bytes, or was cut off", serviceBody)}
	}
	events, err := bounce.Events(service, body)
	var confirm bounce.ErrConfirm
	switch {
	case errors.As(err, &confirm):
		p.Alarm(r.Context(), "intake", service, "Amazon SNS asks whether it may post bounces here. If you have set that up, open this address once: "+confirm.URL)
		return http.StatusOK, map[string]any{"events": 0}, nil
	case errors.Is(err, bounce.ErrEvents):
		return 0, nil, refusal{http.StatusBadRequest, err.Error()}
	case err != nil:
		return 0, nil, err
	}
	for _, e := range events {
		if err := p.Mailer.TakeEvent(r.Context(), service, e); err != nil {
			return 0, nil, err
		}
	}
	p.Clear(r.Context(), "intake", service)
	return http.StatusOK, map[string]any{"events": len(events)}, nil
}

// readerAt finds the reader with an address, 0 when there is none.
func (p *Press) readerAt(ctx context.Context, tx *sql.Tx, email string) (int64, error) {
	if _, err := address.Parse(email); err != nil {
		return 0, nil
	}
	v, err := p.Subscribers.FindIn(ctx, tx, email)
	if errors.Is(err, subscribers.ErrNotFound) {
		return 0, nil
	}
	return v.ID, err
}
