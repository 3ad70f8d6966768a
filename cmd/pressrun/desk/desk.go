// Package desk is where editors and admins work in a browser: Today, issues
// with their sealed previews, stories, sources, lists, subscribers.
//
// Every page is drawn by package templates and works without JavaScript; a
// link shows, a form changes. Whoever is not signed in sees the door. Roles
// (viewer < editor < approver < list admin < operator) are checked where
// something changes.
package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pressrun/deploy/installation"
	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/subscribers"
	"pressrun/subscribers/importer"
	"pressrun/templates"
)

// Copy is what became of a reader's copy of an issue.
type Copy struct {
	State    mailer.State // "" where there is none
	Line     string
	Attempts []mailer.Attempt // none where no more is to tell than that it was accepted at the first
}

// Desk serves the pages below /desk/. All fields are needed.
type Desk struct {
	Digest       *digest.Store
	Subscribers  *subscribers.Store
	Mailer       *mailer.Mailer
	Installation *installation.Store
	Now          func() time.Time
	Log          *slog.Logger
	// Where says by what mail leaves when it may: "relay main"; "" = by nothing.
	Where string
	// Unarmed says that mail leaves without arming.
	Unarmed bool
	// Inbox serves the caught mail below /inbox/, nil = there is none.
	Inbox http.Handler
	// PublicURL is where this installation is reached, without a slash at the end.
	PublicURL string
	// Secure marks cookies as https only.
	Secure bool

	// What an editor does to an issue; each may need several rooms.
	Edit    func(ctx context.Context, issue int64, e digest.Edit, by string) error
	Subject func(ctx context.Context, issue int64, subject, preheader, by string) error
	Approve func(ctx context.Context, issue int64, revision int, by string) error
	Hold    func(ctx context.Context, issue int64, why, by string) error
	Skip    func(ctx context.Context, issue int64, why, by string) error
	// Rebuild chooses the stories of a draft anew, by its newsletter as it is now;
	// digest.ErrThin where there are too few.
	Rebuild func(ctx context.Context, issue int64, by string) error
	// Correct publishes a correction, which says itself why it cannot be made; Withdraw
	// takes one back.
	Correct  func(ctx context.Context, c digest.Correction) (digest.Correction, error)
	Withdraw func(ctx context.Context, issue, correction int64, by string) error
	// SendNow begins to send an issue, of which by has seen the revision.
	SendNow func(ctx context.Context, issue int64, revision int, by string) error
	// SendTest sends an issue to addresses; a Refusal where one of them is at fault.
	SendTest func(ctx context.Context, issue int64, to []string, as, by string) error
	Pause    func(ctx context.Context, issue int64, by string) error
	Resume   func(ctx context.Context, issue int64, by string) error
	Cancel   func(ctx context.Context, issue int64, why, by string) error
	// AcceptDNS ends the alarm about DNS records of a kind that are gone on purpose and
	// names them; a Refusal where there is none.
	AcceptDNS func(ctx context.Context, what, by string) ([]string, error)
	// EditionFor is the edition of a sealed issue that the reader with an address would
	// get now; a Refusal where it is none.
	EditionFor func(ctx context.Context, issue digest.Issue, address string) (digest.Edition, error)
	// Frame is an edition as its bytes show it: HTML, or the text part; with the name of
	// the reader as, and with links that change nothing. "" = nobody in particular.
	Frame func(ctx context.Context, edition int64, as string) (html, text string, err error)
	// Preflight looks at an issue as it is sealed.
	Preflight func(ctx context.Context, issue int64) ([]digest.Finding, error)
	// Standings lists the stories of the last fourteen days as they rank, and
	// says in a sentence by what; Hours is their views by hour, oldest first.
	Standings func(ctx context.Context) ([]Standing, string, error)
	Hours     func(ctx context.Context, list []Standing) ([][]float64, error)
	// Explain tells why a story of the last fourteen days ranks where it does.
	Explain func(ctx context.Context, story int64) (Explained, error)
	// Audience counts who would get the issue now, and says what is unusual about
	// that; "" when nothing is. The error says in words why they cannot be counted.
	Audience func(ctx context.Context, issue digest.Issue) (n int, odd string, err error)
	// StoryChanged notes what an editor did to a story and seals again the issues
	// that show it.
	StoryChanged func(ctx context.Context, story int64, action, by string) error
	// ReadNewsletter and WriteNewsletter are a newsletter as the file that apply
	// reads; the error says what is wrong in which line.
	ReadNewsletter  func(text string) (name string, spec digest.Spec, err error)
	WriteNewsletter func(n digest.Newsletter) (string, error)
	// CheckImport looks at a file of readers as an import would and keeps it with
	// what it found, until the import of that number is started or thrown away.
	CheckImport func(ctx context.Context, file io.Reader, o importer.Options) (int64, error)
	// Order does what an editor decides about an article by its address, now or as
	// soon as it is collected: its Story is 0 until then.
	Order func(ctx context.Context, o digest.Order) (digest.Order, error)
	// AddSource finds how a site can be read and does so from now on; rights ""
	// follow from the address. The error is a Refusal where the address is at fault.
	AddSource func(ctx context.Context, address, rights string) (Added, error)
	// PauseSource stops or resumes polling a source.
	PauseSource func(ctx context.Context, source int64, pause bool) error
	// SetSource changes what is decided about a source; issues that wait follow it.
	// What cannot be is an ErrSetting.
	SetSource func(ctx context.Context, src digest.Source, title, language, rights string, set digest.Settings) error
	// Retry queues the copies of an issue in one state again, and says how many.
	Retry func(ctx context.Context, issue int64, state mailer.State) (int, error)
	// Received lists the issues that a reader was in the audience of, the newest first,
	// and says how many they are.
	Received func(ctx context.Context, subscriber int64, page mailer.Page) ([]Received, int, error)
	// Why tells what became of a reader's copy.
	Why func(ctx context.Context, issue int64, address string) (Copy, error)

	routes *http.ServeMux
	roles  map[string]string // of its patterns: the least that may
}

// Cookie holds a user's session.
const Cookie = "pressrun_desk"

// Handler is the whole desk as one table, and the inbox.
func (d *Desk) Handler() http.Handler {
	mux := http.NewServeMux()
	d.routes, d.roles = mux, map[string]string{}
	mux.HandleFunc("GET /desk/sign-in/{token}", d.door)
	mux.HandleFunc("POST /desk/sign-in/{token}", d.signIn)
	for pattern, page := range map[string]struct {
		role string
		f    func(*request) error
	}{
		"GET /desk/{$}":                                    {"viewer", d.today},
		"GET /desk/alarms":                                 {"viewer", d.alarms},
		"GET /desk/issues":                                 {"viewer", d.issues},
		"GET /desk/issues/{id}":                            {"viewer", d.issue},
		"GET /desk/issues/{id}/frame/{edition}":            {"viewer", d.frame},
		"POST /desk/issues/{id}":                           {"approver", d.act},
		"POST /desk/issues/{id}/subject":                   {"editor", d.subject},
		"POST /desk/issues/{id}/test":                      {"editor", d.test},
		"POST /desk/issues/{id}/corrections":               {"approver", d.correct},
		"GET /desk/issues/{id}/stories/{edition}/{story}":  {"viewer", d.issueStory},
		"POST /desk/issues/{id}/stories/{edition}/{story}": {"editor", d.editStory},
		"GET /desk/issues/{id}/readers":                    {"viewer", d.readers},
		"POST /desk/issues/{id}/readers":                   {"approver", d.sendAgain},
		"GET /desk/stories":                                {"viewer", d.stories},
		"GET /desk/stories/ahead":                          {"viewer", d.ahead},
		"POST /desk/stories/ahead":                         {"editor", d.aheadAct},
		"GET /desk/stories/{id}":                           {"viewer", d.story},
		"POST /desk/stories/{id}":                          {"editor", d.storyAct},
		"GET /desk/sources":                                {"viewer", d.sources},
		"GET /desk/sources/add":                            {"operator", d.sourceForm},
		"POST /desk/sources/add":                           {"operator", d.sourceAdd},
		"GET /desk/sources/{id}":                           {"viewer", d.source},
		"GET /desk/sources/{id}/items":                     {"viewer", d.sourceItems},
		"GET /desk/sources/{id}/icon":                      {"viewer", d.sourceIcon},
		"POST /desk/sources/{id}":                          {"operator", d.sourceAct},
		"GET /desk/newsletters":                            {"viewer", d.newsletters},
		"GET /desk/newsletters/add":                        {"operator", d.newsletterForm},
		"POST /desk/newsletters/add":                       {"operator", d.newsletterAdd},
		"GET /desk/newsletters/{id}":                       {"viewer", d.newsletter},
		"GET /desk/newsletters/{id}/versions/{version}":    {"operator", d.newsletterVersion},
		"POST /desk/newsletters/{id}":                      {"operator", d.newsletterAct},
		"GET /desk/lists":                                  {"viewer", d.lists},
		"POST /desk/lists":                                 {"list admin", d.listAdd},
		"GET /desk/lists/{id}":                             {"list admin", d.list},
		"POST /desk/lists/{id}":                            {"list admin", d.listSet},
		"GET /desk/lists/segments":                         {"viewer", d.segments},
		"POST /desk/lists/segments":                        {"list admin", d.segmentAct},
		"GET /desk/subscribers":                            {"list admin", d.subscribers},
		"GET /desk/subscribers/import":                     {"list admin", d.imports},
		"GET /desk/subscribers/import/{id}":                {"list admin", d.importPage},
		"GET /desk/subscribers/import/{id}/rows":           {"list admin", d.importRows},
		"POST /desk/subscribers/import/{id}":               {"list admin", d.importChange},
		"POST /desk/subscribers":                           {"list admin", d.subscriberAdd},
		"GET /desk/subscribers/{id}":                       {"list admin", d.subscriber},
		"POST /desk/subscribers/{id}":                      {"list admin", d.subscriberAct},
		"GET /desk/bounces":                                {"list admin", d.suppressions},
		"POST /desk/bounces":                               {"operator", d.suppressionAct},
		"GET /desk/bounces/mail":                           {"list admin", d.returned},
		"GET /desk/deliverability":                         {"viewer", d.deliverability},
		"GET /desk/users":                                  {"operator", d.users},
		"GET /desk/users/audit":                            {"operator", d.audit},
		"POST /desk/users":                                 {"operator", d.userAct},
		"GET /desk/users/tokens":                           {"operator", d.tokens},
		"POST /desk/users/tokens":                          {"operator", d.tokenAct},
		"GET /desk/arm":                                    {"viewer", d.arm},
		"POST /desk/dns":                                   {"operator", d.dns},
		"POST /desk/stop":                                  {"editor", d.stop},
		"POST /desk/start":                                 {"operator", d.start},
		"POST /desk/sign-out":                              {"viewer", d.signOut},
	} {
		mux.HandleFunc(pattern, d.guarded(page.role, formBytes, page.f))
		d.roles[pattern] = page.role
	}
	mux.HandleFunc("POST /desk/subscribers/import", d.guarded("list admin", MaxImport+formBytes, d.importAct))
	if d.Inbox != nil { // every mail in it has its reader's address, and the links that are his alone
		d.roles["GET /inbox/"] = "list admin"
		mux.HandleFunc("GET /inbox/", d.guarded("list admin", formBytes, func(r *request) error {
			d.Inbox.ServeHTTP(r.w, r.Request)
			return nil
		}))
	}
	mux.HandleFunc("/desk/", d.guarded("viewer", formBytes, func(r *request) error { return digest.ErrNotFound }))
	return mux
}

// request is one call by somebody who is signed in.
type request struct {
	*http.Request
	w    http.ResponseWriter
	user installation.User
	ctx  context.Context
	// unrecorded says that something was done and could not be written down.
	unrecorded bool
	// resealed says that what was decided about is not what was seen any more.
	resealed bool
}

// record writes down what was done, for the page "What was done". Where that
// fails it stays done: the log says so, and so does the next page.
func (d *Desk) record(r *request, action, object, detail string) {
	if err := d.Installation.Audit(r.ctx, r.user.Email, action, object, detail); err != nil {
		d.Log.Error("desk", "path", r.URL.Path, "err", err)
		r.unrecorded = true
	}
}

// unrecorded is what a person is told of that.
const unrecorded = "It could not be written down, so “What was done” lacks it. Tell an operator: the log says why."

// policy lets pages load what is ours and show the sealed preview in a frame.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' https: data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// formBytes is the most that a form may send.
const formBytes = 1 << 20

func (d *Desk) guarded(role string, most int64, f func(*request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, hr *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-store")
		body := hr.Body
		hr.Body = http.MaxBytesReader(w, body, formBytes)
		user, err := d.user(hr)
		if errors.Is(err, installation.ErrNotFound) {
			d.locked(w, hr)
			return
		}
		r := &request{Request: hr, w: w, user: user, ctx: hr.Context()}
		if err == nil && !user.May(role) {
			d.message(r, http.StatusForbidden, "Not for your role", "You are signed in as "+user.Role+"; this needs the role "+role+". Nothing was changed.")
			return
		}
		hr.Body = http.MaxBytesReader(w, body, most) // only whoever may is read from at length
		if err == nil {
			err = r.read()
		}
		if err == nil {
			err = f(r)
		}
		if err != nil {
			d.failed(r, err)
		}
	}
}

func (d *Desk) user(r *http.Request) (installation.User, error) {
	c, err := r.Cookie(Cookie)
	if err != nil {
		return installation.User{}, installation.ErrNotFound
	}
	return d.Installation.SessionUser(r.Context(), c.Value)
}

// nextCookie holds the page that somebody asked for who was not signed in, as by the
// link in an approval mail, until he is.
const nextCookie = "pressrun_next"

// locked is what somebody sees who is not signed in.
func (d *Desk) locked(w http.ResponseWriter, r *http.Request) {
	part := r.Header.Get("Sec-Fetch-Dest") // a frame, or what a page asks for by itself: nobody wants to be led there
	if at := url.QueryEscape(r.URL.RequestURI()); r.Method == http.MethodGet && (part == "" || part == "document") && len(at) < 2000 {
		http.SetCookie(w, &http.Cookie{Name: nextCookie, Value: at, Path: "/desk/", MaxAge: int(installation.LinkAge.Seconds()), HttpOnly: true, Secure: d.Secure, SameSite: http.SameSiteLaxMode})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	templates.Desk(w, templates.DeskMessage, templates.DeskPage{Title: "The desk is locked", Body: templates.MessageBody{Kept: kept(r), Text: []string{
		"You are not signed in, or your session has ended.",
		"Ask an operator for a sign-in link, or make one on the server: pressrun user link you@example.com",
	}}})
}

// failed turns an error into a page that says what happened and what was kept.
func (d *Desk) failed(r *request, err error) {
	switch {
	case errors.Is(err, digest.ErrNotFound), errors.Is(err, subscribers.ErrNotFound), errors.Is(err, installation.ErrNotFound), errors.Is(err, mailer.ErrNoDelivery):
		d.message(r, http.StatusNotFound, "Not here", "There is nothing at this address. It may have been removed.")
	case errors.Is(err, digest.ErrState):
		again := templates.Action{Title: "Today", URL: "/desk/"}
		text := "The issue has moved on since you opened the page, so nothing was changed."
		if strings.HasPrefix(r.URL.Path, "/desk/issues/") {
			again = templates.Action{Title: "The issue", URL: issueURL(r.id("id")) + looking(r), Primary: true}
			if r.resealed {
				text += " Its words or stories were changed, and it was sealed again."
			}
			if i, err := d.Digest.Issue(r.ctx, r.id("id")); err == nil && i.Reason != "" {
				text += " It is " + i.State + " now: " + strings.TrimSuffix(i.Reason, ".") + "."
			} else if err == nil && i.State != "draft" {
				text += " It is " + i.State + " now."
			}
		}
		d.told(r, http.StatusConflict, "Not any more", again, text, "Open it again to see where it stands.")
	case errors.Is(err, errUnread):
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			d.message(r, http.StatusRequestEntityTooLarge, "Too long", fmt.Sprintf("What you sent is longer than %d KB, so nothing was changed. Go back and shorten it.", long.Limit>>10))
			return
		}
		d.message(r, http.StatusBadRequest, "Not understood", "What you sent is not a form as a browser sends one, so nothing was changed. Go back and send it again.")
	case errors.Is(err, installation.ErrUnrecorded):
		d.Log.Error("desk", "path", r.URL.Path, "err", err)
		d.message(r, http.StatusInternalServerError, "Done, but not written down", "What you asked for was done.", unrecorded)
	default:
		d.Log.Error("desk", "path", r.URL.Path, "err", err)
		d.message(r, http.StatusInternalServerError, "That did not work", "Something failed on our side and has been logged. What you had saved before is kept. Try again in a moment.")
	}
}

func (d *Desk) message(r *request, status int, title string, text ...string) {
	d.told(r, status, title, templates.Action{Title: "Today", URL: "/desk/"}, text...)
}

// told is message with where to go on.
func (d *Desk) told(r *request, status int, title string, next templates.Action, text ...string) {
	d.drawStatus(r, status, templates.DeskMessage, templates.DeskPage{Title: title, Body: templates.MessageBody{Text: text, Kept: kept(r.Request), Actions: []templates.Action{next}}})
}

func (d *Desk) draw(r *request, name string, v templates.DeskPage) error {
	return d.drawStatus(r, http.StatusOK, name, v)
}

func (d *Desk) drawStatus(r *request, status int, name string, v templates.DeskPage) error {
	st, err := d.Mailer.Status(r.ctx)
	if err != nil {
		return err
	}
	v.User, v.Role = r.user.Email, r.user.Role
	v.Armed, v.Stopped, v.Where = st.Armed || d.Unarmed, st.Stopped, d.Where
	v.ArmURL, v.StopURL, v.StartURL, v.SignOutURL = "/desk/arm", "/desk/stop", "/desk/start", "/desk/sign-out"
	if d.Inbox != nil {
		v.CatcherURL = "/inbox/"
	}
	d.offer(r, &v)
	if list, err := d.Digest.Newsletters(r.ctx); err == nil && len(list) > 0 {
		v.Brand = list[0].Spec.Brand.Name
	}
	v.Flash = append(v.Flash, flashes(r)...)
	if r.unrecorded {
		v.Flash = append(v.Flash, templates.Flash{Kind: templates.KindWarn, Text: unrecorded})
	}
	if list, ok := v.Body.(templates.TableBody); ok {
		v.Body = whole(r, list)
	}
	var b bytes.Buffer
	if err := templates.Desk(&b, name, v); err != nil {
		return err
	}
	r.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	r.w.WriteHeader(status)
	_, err = r.w.Write(b.Bytes())
	return err
}

// done sends the browser back with a sentence about what was done, and one more
// where that is not written down.
func done(r *request, to, sentence string) error {
	if c := []rune(sentence); len(c) > 250 { // a browser keeps no cookie of more than 4 KB
		sentence = string(c[:249]) + "…"
	}
	if r.unrecorded {
		sentence += "\n" + unrecorded
	}
	http.SetCookie(r.w, &http.Cookie{Name: "pressrun_flash", Value: url.QueryEscape(sentence), Path: "/desk/", MaxAge: 30, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(r.w, r.Request, to, http.StatusSeeOther)
	return nil
}

func flashes(r *request) []templates.Flash {
	c, err := r.Cookie("pressrun_flash")
	if err != nil || c.Value == "" {
		return nil
	}
	http.SetCookie(r.w, &http.Cookie{Name: "pressrun_flash", Path: "/desk/", MaxAge: -1})
	text, err := url.QueryUnescape(c.Value)
	if err != nil {
		return nil
	}
	said, warning, _ := strings.Cut(text, "\n")
	list := []templates.Flash{{Kind: templates.KindGood, Text: said}}
	if warning != "" {
		list = append(list, templates.Flash{Kind: templates.KindWarn, Text: warning})
	}
	return list
}

func (r *request) id(name string) int64 {
	n, _ := strconv.ParseInt(r.PathValue(name), 10, 64)
	return n
}

func (d *Desk) door(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// Opening the link changes nothing: mail scanners open links, people press buttons.
	templates.Desk(w, templates.DeskSignIn, templates.DeskPage{Title: "Sign in", Body: templates.SignInBody{Link: "/desk/sign-in/" + r.PathValue("token")}})
}

func (d *Desk) signIn(w http.ResponseWriter, r *http.Request) {
	session, err := d.Installation.SignIn(r.Context(), r.PathValue("token"))
	if errors.Is(err, installation.ErrLink) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusGone)
		templates.Desk(w, templates.DeskMessage, templates.DeskPage{Title: "This link is used up", Body: templates.MessageBody{Text: []string{
			"A sign-in link works once and for half an hour.", "Ask for a new one, or make it on the server: pressrun user link you@example.com"}}})
		return
	}
	if err != nil {
		d.Log.Error("sign in", "err", err)
		http.Error(w, "Signing in did not work; try again in a moment.", http.StatusInternalServerError)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: Cookie, Value: session, Path: "/", MaxAge: int(installation.SessionAge.Seconds()), HttpOnly: true, Secure: d.Secure, SameSite: http.SameSiteLaxMode})
	next := "/desk/"
	if c, err := r.Cookie(nextCookie); err == nil {
		if at, err := url.QueryUnescape(c.Value); err == nil && strings.HasPrefix(at, "/desk/") {
			next = at
		}
		http.SetCookie(w, &http.Cookie{Name: nextCookie, Path: "/desk/", MaxAge: -1})
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (d *Desk) signOut(r *request) error {
	if c, err := r.Cookie(Cookie); err == nil {
		if err := d.Installation.SignOut(r.ctx, c.Value); err != nil {
			return err
		}
	}
	http.SetCookie(r.w, &http.Cookie{Name: Cookie, Path: "/", MaxAge: -1})
	http.Redirect(r.w, r.Request, "/desk/", http.StatusSeeOther)
	return nil
}

func (d *Desk) stop(r *request) error {
	if err := d.Mailer.Stop(r.ctx, r.user.Email, "stopped at the desk"); err != nil {
		return err
	}
	d.record(r, "stop", "sending", "")
	return done(r, "/desk/", "Sending is stopped in all processes.")
}

func (d *Desk) start(r *request) error {
	if err := d.Mailer.Start(r.ctx); err != nil {
		return err
	}
	d.record(r, "start", "sending", "")
	return done(r, "/desk/", "Sending goes on.")
}

func (d *Desk) arm(r *request) error {
	return d.draw(r, templates.DeskMessage, templates.DeskPage{Title: "Arm this installation", Body: templates.MessageBody{Text: []string{
		"While disarmed, every mail stays on this machine, in the built-in catcher.",
		"To let mail leave: configure a relay, set the postal address of each newsletter, then run on the server: pressrun arm --to you@example.com. A test mail with a code goes out by the relay; type the code in.",
		"Arming holds for this machine and sender domain. A copied or restored database is disarmed.",
	}}})
}

// near is a time as a cell: relative, absolute on hover; more than a day away it is
// absolute, in UTC.
func (d *Desk) near(t time.Time) templates.Cell { return d.nearIn(t.UTC()) }

// nearIn is near of a time in the zone in which it matters.
func (d *Desk) nearIn(t time.Time) templates.Cell {
	if t.IsZero() {
		return templates.Cell{Text: "never"}
	}
	c := templates.Cell{Text: templates.Near(t, d.Now()), Hover: templates.Exact(t)}
	if t.Sub(d.Now()).Abs() >= 24*time.Hour {
		c.Text = t.Format("2 January 2006, 15:04 MST")
	}
	return c
}

var stateKinds = map[string]string{
	"countdown": templates.KindWarn, "up": templates.KindGood, "down": templates.KindAlert, "used up": templates.KindWarn, "slowed": templates.KindWarn,
	"draft": templates.KindWait, "held": templates.KindWarn, "approved": templates.KindGood, "sending": templates.KindWait, "paused": templates.KindWarn,
	"sent": templates.KindGood, "closed": templates.KindGood, "failed": templates.KindAlert, "skipped": templates.KindPlain, "cancelled": templates.KindPlain,
	"active": templates.KindGood, "failing": templates.KindAlert, "silent": templates.KindWarn, "pending": templates.KindWait, "unsubscribed": templates.KindPlain,
	"planned": templates.KindPlain, "running": templates.KindWait, "done": templates.KindGood, "waiting": templates.KindWarn, "undoing": templates.KindWait, "undone": templates.KindPlain, "missed": templates.KindAlert,
	"accepted": templates.KindGood, "queued": templates.KindWait, "deferred": templates.KindWarn, "uncertain": templates.KindWarn, "parked": templates.KindWarn,
}

func state(word string) templates.State { return templates.State{Kind: stateKinds[word], Word: word} }

// pager of a list of total rows.
func pager(r *request, page, per, total int) templates.Pager {
	p := templates.Pager{From: min((page-1)*per+1, total), To: min(page*per, total), Total: total}
	at := func(n int) string {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		return r.URL.Path + "?" + q.Encode()
	}
	if page > 1 {
		p.Prev = at(page - 1)
	}
	if page*per < total {
		p.Next = at(page + 1)
	}
	return p
}

// pageOf is the page a request asks for, from 1.
func pageOf(r *request) int {
	n, _ := strconv.Atoi(r.URL.Query().Get("page"))
	return max(1, min(n, 1_000_000))
}

// sorted is a column whose head leads to the order of key.
func sorted(r *request, title, key string) templates.Column {
	q := r.URL.Query()
	q.Set("sort", key)
	q.Del("page")
	return templates.Column{Title: title, Sort: r.URL.Path + "?" + q.Encode()}
}

func contains(text, query string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(strings.TrimSpace(query)))
}

// cut takes one page out of rows that are all at hand.
func cut[T any](list []T, page, per int) []T {
	from := min((page-1)*per, len(list))
	return list[from:min(from+per, len(list))]
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%s %s", templates.Words("en").Number(n), many)
}
