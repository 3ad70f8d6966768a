package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"pressrun/digest/archive"
	"pressrun/mailer/smtp"
	"pressrun/subscribers/signup"
	"pressrun/templates"
)

// tickEvery is how often due work is looked for, on the press's own clock: what
// a command writes, a running serve acts on within a second. On a clock that runs
// fast the ticks come closer, down to tickLeast of real time.
const (
	tickEvery = 500 * time.Millisecond
	tickLeast = 50 * time.Millisecond
)

// Serve runs everything until ctx ends: scheduler, jobs, sender, beacon, web.
// Then it stops claiming, drains what is in flight, and returns.
func (p *Press) Serve(ctx context.Context, l net.Listener) error {
	var done sync.WaitGroup
	work, stop := context.WithCancel(ctx)
	defer done.Wait()
	defer stop()
	if p.Catcher != nil {
		if err := p.startCatcher(&done); err != nil {
			return err
		}
		defer p.Catcher.Close()
	}
	// Jobs are stopped before the database closes, and get time to finish.
	if err := p.Jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	defer p.endJobs()
	if err := p.endGone(ctx, true); err != nil {
		p.complain("alarms about what is gone", err)
	}
	failed := make(chan error, 5)
	run := func(name string, f func(context.Context) error) {
		done.Go(func() {
			if err := f(work); err != nil && !errors.Is(err, context.Canceled) {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	run("beacon", p.Beacon.Run)
	for _, k := range p.pollers {
		run("counters "+k.Layout.Key, func(ctx context.Context) error { return k.Run(ctx, p.DB, p.Mailer.Owner, k.every, p.addViews) })
	}
	run("sender", p.Mailer.Run)
	run("clock", p.tick)
	run("bounces", p.receive)
	run("database", p.watchDatabase)
	server := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, ReadTimeout: time.Minute}
	done.Go(func() {
		err := p.listen(server, l)
		if !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("web server: %w", err)
		}
	})
	defer func() {
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		server.Shutdown(end)
	}()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// jobGrace is how long jobs get to finish; tests are less patient.
var jobGrace = 10 * time.Second

// endJobs waits for the jobs that run, and cuts off those that take long: another
// process, or the next start, does them again.
func (p *Press) endJobs() {
	end, cancel := context.WithTimeout(context.Background(), jobGrace)
	defer cancel()
	if p.Jobs.Stop(end) == nil {
		return
	}
	cut, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.Jobs.StopAndCancel(cut); err != nil {
		p.Log.Warn("jobs were still running", "err", err)
	}
}

func (p *Press) listen(s *http.Server, l net.Listener) error {
	if p.Config.TLSCert == "" {
		return s.Serve(l)
	}
	c, err := openCertificate(p.Config.TLSCert, p.Config.TLSKey, p.Log)
	if err != nil {
		return err
	}
	s.TLSConfig = &tls.Config{GetCertificate: c.get}
	return s.ServeTLS(l, "", "")
}

// startCatcher begins to receive mail on a port of this machine and makes it
// the mailer's catcher.
func (p *Press) startCatcher(done *sync.WaitGroup) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start mail catcher: %w", err)
	}
	p.Mailer.Catcher = &smtp.Relay{Name: "catcher", URL: "smtp://" + l.Addr().String() + "?tls=none", Connections: 4}
	done.Go(func() { p.Catcher.Serve(l) })
	return nil
}

// tick looks at the clock until ctx ends and orders the recurring jobs.
func (p *Press) tick(ctx context.Context) error {
	ordered := map[string]river.JobArgs{} // what was ordered last, by kind: asking once is enough
	for {
		began := p.Now()
		if err := p.Tick(ctx); err != nil {
			p.complain("tick", err)
		}
		for _, job := range []river.JobArgs{
			nightJob{Day: (began.Unix() - 3*3600) / 86400}, // at 03:00 UTC
			sampleJob{Hour: began.Unix() / (3 * 3600)},
			snapshotJob{Quarter: began.Unix() / (15 * 60)},
			inspectJob{Quarter: began.Unix() / (15 * 60)},
		} {
			if ordered[job.Kind()] == job {
				continue
			}
			if err := p.once(ctx, job); err == nil {
				ordered[job.Kind()] = job
			} else {
				p.complain(job.Kind(), err)
			}
		}
		p.recovered(time.Now())
		if err := p.rest(ctx, began); err != nil {
			return err
		}
	}
}

// recovered logs once that what complain told of is over: nothing was complained of
// for ten seconds. Ticks alone call it.
func (p *Press) recovered(now time.Time) {
	if len(p.complaints) > 0 && now.Sub(p.complained) >= 10*time.Second {
		p.complaints = nil
		p.Log.Info("what could not be done is done now, and all goes on")
	}
}

// complaint is what was last logged about something that goes wrong at every tick.
type complaint struct {
	text string
	at   time.Time
}

// complain logs that something which is due cannot be done, and how to mend
// that: when it is new, and once a minute. Ticks alone call it.
func (p *Press) complain(what string, err error) {
	if errors.Is(err, context.Canceled) {
		return // we are ending
	}
	text := withAdvice(err)
	p.complained = time.Now()
	if last := p.complaints[what]; text == last.text && time.Since(last.at) < time.Minute {
		return
	}
	if p.complaints == nil || len(p.complaints) > 1000 {
		p.complaints = map[string]complaint{}
	}
	p.complaints[what] = complaint{text, time.Now()}
	p.Log.Error(what+": what is due cannot be done now; it is tried again every second", "err", text)
}

// rest waits until tickEvery has passed since began on the press's own clock.
func (p *Press) rest(ctx context.Context, began time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tickLeast):
		}
		if gone := p.Now().Sub(began); gone < 0 || gone >= tickEvery { // a clock that was put back does not stop us
			return nil
		}
	}
}

// Handler is the whole web: public pages, beacon, archive, desk.
func (p *Press) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/", p.Beacon.Handler())
	mux.Handle("/v1/trending.json", p.Live.Handler())
	p.apiRoutes(mux)
	mux.Handle("GET /metrics", p.metrics())
	mux.Handle(templates.StaticPrefix, templates.StaticHandler())
	searches, trusted := signup.Limiter{Burst: 20, Refill: 3 * time.Second}, prefixes(p.Config.TrustedProxies)
	mux.Handle("/archive/", (&archive.Site{Store: p.Digest, Prefix: "/archive", PublicURL: p.Config.PublicURL, Brand: func(ctx context.Context) templates.Brand { return p.brand(ctx) }, Offered: p.offered, Log: p.Log,
		MaySearch: func(r *http.Request) bool { return searches.Allow(signup.Client(r, trusted), p.Now()) }}).Handler())
	mux.Handle("/", (&signup.Site{Store: p.Subscribers, Trusted: trusted, Languages: p.languages, Coming: p.coming, Mails: p.mailsOf, Log: p.Log}).Handler())
	mux.HandleFunc("GET /robots.txt", robots)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), healthyWithin)
		defer cancel()
		err := p.DB.Read.PingContext(ctx)
		if err != nil { // connections that a restart of the database has cut fail once
			err = p.DB.Read.PingContext(ctx)
		}
		if err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	desk := p.desk()
	mux.Handle("/desk/", desk)
	switch {
	case p.Catcher != nil && p.isDemo:
		mux.Handle("/inbox/", p.Catcher.Handler("/inbox")) // open: its readers are invented
	case p.Catcher != nil:
		mux.Handle("/inbox/", desk)
	}
	guard := http.NewCrossOriginProtection()
	guard.AddInsecureBypassPattern("/v1/")       // the beacon is called from the publisher's pages, the API with a token
	guard.AddInsecureBypassPattern("/subscribe") // so is the embedded sign-up form
	// A reader's own link is his right by itself, no cookie is: mail programs and
	// pages without a referrer post from elsewhere (RFC 8058 section 3.2).
	for _, own := range []string{"/confirm/", "/u/", "/preferences/", "/yours/", "/move/"} {
		guard.AddInsecureBypassPattern(own)
	}
	return p.proxies.watch(securityHeaders(answering(guard.Handler(mux))))
}

// How long a database that says nothing is waited for; tests are less patient.
var (
	healthyWithin = 3 * time.Second  // monitors wait for five or ten
	answerWithin  = 25 * time.Second // proxies wait for thirty or sixty
)

// answering gives every page its time, after which it says that it failed. What is
// posted at the desk may be a large file, or take long.
func answering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/desk/") {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// robots tells search engines what is for everybody. An address with somebody's own
// token or key stands in a mail; one that was passed on is not to be found.
func robots(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	fmt.Fprint(w, `User-agent: *
Allow: /archive/
Allow: /subscribe
Disallow: /archive/*?*key=
Disallow: /archive/*?*q=
Disallow: /confirm/
Disallow: /preferences/
Disallow: /yours/
Disallow: /move/
Disallow: /u/
Disallow: /desk/
Disallow: /inbox/
Disallow: /v1/
Disallow: /metrics
`)
}

// offered are the lists that anyone may sign up for, by name, with what readers are
// told of them.
func (p *Press) offered(ctx context.Context) (map[string]func(language string) string, error) {
	list, err := p.Subscribers.PublicLists(ctx)
	told := map[string]func(string) string{}
	for _, l := range list {
		told[l.Name] = func(lang string) string { return l.In(lang).Description }
	}
	return told, err
}

func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
