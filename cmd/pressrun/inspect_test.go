package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"pressrun/digest"
	"pressrun/digest/trend"
	"pressrun/mailer/dkim"
	"pressrun/mailer/dns/dnstest"
)

// alarmed is what the open alarms of a kind say.
func (r *countingRoom) alarmed(t *testing.T, kind string) string {
	t.Helper()
	open, err := r.Installation.Alarms(t.Context(), true, 100)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, a := range open {
		if a.Kind == kind {
			told = append(told, a.Subject+": "+a.Detail)
		}
	}
	return strings.Join(told, "\n")
}

// certify writes a certificate of a name and its key, and returns both.
func certify(t *testing.T, name string, ends time.Time, certFile, keyFile string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(ends.UnixNano()), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: ends.AddDate(0, -3, 0), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// TestLostAddressIsAnnounced: readers' links that lead nowhere any more, or soon
// will not, are told; an address that never answered may be out of our own reach.
func TestLostAddressIsAnnounced(t *testing.T) {
	r := newCountingRoom(t, "")
	var answer atomic.Value
	answer.Store("parked")
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if answer.Load() == "ok" {
			r.Handler().ServeHTTP(w, q)
			return
		}
		w.Write([]byte("This domain is for sale"))
	}))
	dir := t.TempDir()
	pair := certify(t, "digest.example.com", time.Now().Add(6*24*time.Hour), filepath.Join(dir, "c"), filepath.Join(dir, "k"))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	r.Config.PublicURL = s.URL
	look := func() string {
		t.Helper()
		by := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
		defer by.CloseIdleConnections()
		if err := r.inspectAddress(t.Context(), by); err != nil {
			t.Fatal(err)
		}
		return r.alarmed(t, "address")
	}
	for range 3 {
		if told := look(); told != "" {
			t.Errorf("it has never answered: %s", told)
		}
	}
	answer.Store("ok")
	look()
	answer.Store("parked")
	if told := look(); told != "" {
		t.Errorf("at the first look: %s", told)
	}
	if told := look(); !strings.Contains(told, s.URL) || !strings.Contains(told, "what is not ours") {
		t.Errorf("when it is somebody else's: %q", told)
	}
	answer.Store("ok")
	if told := look(); told != "" {
		t.Errorf("back again: %s", told)
	}
	if told := r.alarmed(t, "certificate"); told != "" {
		t.Errorf("six days before its end: %s", told)
	}
	now := r.Now
	r.Now = func() time.Time { return now().Add(36 * time.Hour) }
	look()
	if told := r.alarmed(t, "certificate"); !strings.Contains(told, "has not been renewed") {
		t.Errorf("four days before its end: %q", told)
	}
	r.Now = now
	look()
	if told := r.alarmed(t, "certificate"); told != "" {
		t.Errorf("once it is renewed: %s", told)
	}
	s.Close()
	r.inspected = inspection{} // lost while no serve runs
	look()
	if told := look(); !strings.Contains(told, "nothing listens at") {
		t.Errorf("when nobody is there: %q", told)
	}
	r.Config.PublicURL = "https://127.0.0.1:1"
	if err := r.endGone(t.Context(), true); err != nil { // as serve begins with it
		t.Fatal(err)
	}
	if told := look(); told != "" {
		t.Errorf("with another address, which has not answered yet: %s", told)
	}
}

// TestOverdue: certificates of six days are renewed when two are left, and those of
// twelve hours when four are.
func TestOverdue(t *testing.T) {
	now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		life, left time.Duration
		want       bool
	}{
		{90 * 24 * time.Hour, 6 * 24 * time.Hour, false}, {90 * 24 * time.Hour, 4 * 24 * time.Hour, true}, {90 * 24 * time.Hour, -time.Hour, true},
		{160 * time.Hour, 100 * time.Hour, false}, {160 * time.Hour, 50 * time.Hour, false}, {160 * time.Hour, 20 * time.Hour, true},
		{12 * time.Hour, 3 * time.Hour, false}, {12 * time.Hour, time.Hour, true},
	} {
		if got := overdue(now.Add(tc.left-tc.life), now.Add(tc.left), now); got != tc.want {
			t.Errorf("one of %v with %v left: %v", tc.life, tc.left, got)
		}
	}
	if overdue(time.Time{}, time.Time{}, now) {
		t.Error("an address without a certificate")
	}
}

// TestLostRecordIsAnnounced: a record that stood in the DNS and is gone, at two
// looks; what was never there is what the newsroom does without.
func TestLostRecordIsAnnounced(t *testing.T) {
	dir := t.TempDir()
	text, err := dkim.GenerateKey(dkim.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "key.pem")
	if err := writeSecret(key, text); err != nil {
		t.Fatal(err)
	}
	r := newCountingRoom(t, "public_url = \"https://digest.example.com\"\n[bounce]\naddress = \"bounces@example.com\"\nlisten = \"smtp://127.0.0.1:2525\"\n[[dkim]]\ndomain = \"example.com\"\nselector = \"s1\"\nkey_file = \""+key+"\"\n")
	s, err := DKIMConfig{Domain: "example.com", Selector: "s1", KeyFile: key}.signer(dir)
	if err != nil {
		t.Fatal(err)
	}
	whole, without := oneRecord(t, s.Name(), s.Record()), oneRecord(t, "nothing.example", "")
	for i, look := range []struct{ resolver, want string }{
		{whole, ""}, {whole, ""}, {without, ""}, {without, "nothing stands at s1._domainkey.example.com"}, {without, "nothing stands"}, {whole, ""}, {without, ""},
	} {
		if err := r.inspectDNS(t.Context(), look.resolver); err != nil {
			t.Fatal(err)
		}
		told := r.alarmed(t, "dns")
		if (told == "") != (look.want == "") || !strings.Contains(told, look.want) || strings.Contains(told, "DMARC") {
			t.Errorf("look %d tells %q, want %q", i, told, look.want)
		}
	}
	look := func(resolver string) string {
		t.Helper()
		if err := r.inspectDNS(t.Context(), resolver); err != nil {
			t.Fatal(err)
		}
		return r.alarmed(t, "dns")
	}
	look(without)
	r.inspected = inspection{} // the next process finds it as it is
	for range 3 {
		if told := look(without); told == "" {
			t.Error("a start of serve takes the alarm back, and the record is still gone")
		}
	}
	if told := look(whole); told != "" {
		t.Errorf("mended under another process: %q", told)
	}
	r.inspected = inspection{} // and what is lost while none runs
	look(without)
	if told := look(without); !strings.Contains(told, "nothing stands at s1._domainkey.example.com") || strings.Contains(told, "DMARC") {
		t.Errorf("lost between two processes: %q", told)
	}
	// Accepted it is missed no more, until it was in order again.
	if page := r.editor(t)(200, "GET", "/desk/", ""); strings.Contains(page, "accept:dkim") {
		t.Error("an editor is offered to accept the loss")
	}
	call := r.as(t, "op@news.example", "operator")
	if page := call(200, "GET", "/desk/", ""); !strings.Contains(page, "accept:dkim") {
		t.Error("the Today page does not offer to accept the loss")
	}
	if _, err := r.AcceptDNS(t.Context(), "%", "op"); err == nil {
		t.Error("a kind that there is not is accepted")
	}
	call(200, "POST", "/desk/dns", "do=accept:dkim")
	for range 3 {
		if told := look(without); told != "" {
			t.Errorf("accepted, and told again: %q", told)
		}
	}
	call(200, "POST", "/desk/dns", "do=accept:dkim") // pressed twice
	look(whole)
	look(without)
	if told := look(without); !strings.Contains(told, "doctor dns --accept dkim") {
		t.Errorf("back and lost again: %q", told)
	}
	if out := r.say(t, "doctor", "dns", "--accept", "dkim"); !strings.Contains(out, "s1._domainkey.example.com") {
		t.Errorf("the verb says %q", out)
	}
	look(whole)
	look(without)
	if told := look(without); told == "" {
		t.Error("back and lost once more, and nothing is told")
	}
	r.Mailer.DKIM = nil
	if told := look(without); told != "" {
		t.Errorf("where nothing is signed any more: %q", told)
	}
}

// TestSilentResolverIsOneAlarm: a DNS that does not answer keeps all records from
// us, and none of them has gone.
func TestSilentResolverIsOneAlarm(t *testing.T) {
	r := newCountingRoom(t, "public_url = \"https://digest.example.com\"\n[bounce]\naddress = \"bounces@example.com\"\nlisten = \"smtp://127.0.0.1:2525\"\n")
	for _, name := range []string{"spf example.com", "dmarc digest.example.com", "mx example.com"} {
		if err := r.Installation.MarkGood(t.Context(), "dns", name); err != nil {
			t.Fatal(err)
		}
	}
	failing, without := failingDNS(t), oneRecord(t, "nothing.example", "")
	for i, look := range []struct {
		resolver, want string
		alarms         int
	}{{failing, "", 0}, {failing, "resolver: The DNS does not answer", 1}, {failing, "resolver", 1}, {without, "", 0}, {without, "no longer says", 3}, {failing, "no longer says", 3}, {failing, "resolver", 4}} {
		if err := r.inspectDNS(t.Context(), look.resolver); err != nil {
			t.Fatal(err)
		}
		told := r.alarmed(t, "dns")
		if n := len(strings.Fields(strings.ReplaceAll(told, " ", ""))); n != look.alarms || !strings.Contains(told, look.want) {
			t.Errorf("look %d tells %q, want %d with %q", i, told, look.alarms, look.want)
		}
	}
}

// failingDNS is a DNS server that fails whatever it is asked.
func failingDNS(t *testing.T) string {
	t.Helper()
	return dnstest.Serve(t, func(dnsmessage.Question) (dnsmessage.RCode, []dnsmessage.Resource) {
		return dnsmessage.RCodeServerFailure, nil
	})
}

func TestLowDiskIsAnnounced(t *testing.T) {
	r := newCountingRoom(t, "journal = \"kept/departures.journal\"")
	const gb = 1 << 30
	for i, look := range []struct {
		free, all uint64
		want      bool
	}{{3 * gb, 100 * gb, false}, {gb / 2, 100 * gb, true}, {gb + gb/10, 100 * gb, true}, {2 * gb, 100 * gb, false}, {gb / 2, 4 * gb, false}, {gb / 4, 4 * gb, true}} {
		disks := func(dir string) (uint64, uint64, error) {
			if strings.HasSuffix(dir, "kept") {
				return look.free, look.all, nil
			}
			return 50 * gb, 100 * gb, nil
		}
		for _, f := range r.examineDisks(disks) {
			if low := strings.Contains(f.Text, "kept") && look.free < min(gb, look.all/10); f.What != "disk" || f.OK == low || low != strings.Contains(f.Text, "Make room") {
				t.Errorf("look %d: the doctor says %+v", i, f)
			}
		}
		err := r.inspectDisk(t.Context(), disks)
		told := r.alarmed(t, "disk")
		if err != nil || (told != "") != look.want || look.want && (!strings.Contains(told, "kept") || strings.Contains(told, "\n")) {
			t.Errorf("look %d tells %q, %v", i, told, err)
		}
	}
	if free, all, err := room(t.TempDir()); err != nil || free == 0 || free > all {
		t.Errorf("the disk of tests has %d of %d bytes free, %v", free, all, err)
	}
	if _, _, err := room(filepath.Join(t.TempDir(), "no")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// TestRenewedCertificateIsTakenUp: whoever renews the files need not start serve
// again; files that are being written leave the old certificate in use.
func TestRenewedCertificateIsTakenUp(t *testing.T) {
	r := newCountingRoom(t, "")
	dir := t.TempDir()
	r.Config.TLSCert, r.Config.TLSKey = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	server := &http.Server{Handler: r.Handler()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.listen(server, l); err == nil || !strings.Contains(err.Error(), r.Config.TLSCert) {
		t.Errorf("without its files: %v", err)
	}
	certify(t, "old.example", time.Now().Add(time.Hour), r.Config.TLSCert, r.Config.TLSKey)
	done := make(chan error, 1)
	go func() { done <- r.listen(server, l) }()
	shown := func() string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", l.Addr().String()) // what it shows is asked for
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].DNSNames[0]
	}
	if got := shown(); got != "old.example" {
		t.Errorf("it shows %s", got)
	}
	later := time.Now().Add(time.Minute)
	if err := os.WriteFile(r.Config.TLSCert, []byte("-----BEGIN"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Chtimes(r.Config.TLSCert, later, later)
	if got := shown(); got != "old.example" {
		t.Errorf("while the files are written it shows %s", got)
	}
	certify(t, "new.example", time.Now().Add(2*time.Hour), r.Config.TLSCert, r.Config.TLSKey)
	if got := shown(); got != "new.example" {
		t.Errorf("renewed, it shows %s", got)
	}
	server.Close()
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// TestLostVisitsAreAnnounced: a site that was read at this time of day and is not
// counted any more has lost its beacon; one that nobody counts has none to lose.
func TestLostVisitsAreAnnounced(t *testing.T) {
	r := newCountingRoom(t, "")
	now := time.Date(2026, 11, 27, 10, 20, 0, 0, time.UTC)
	r.Now = func() time.Time { return now }
	r.Counters = trend.NewSQL(r.DB, r.Now)
	visit := func(at time.Time, n int) {
		t.Helper()
		views := []trend.View{{Key: "story-1", At: at, N: n}}
		if err := r.addViews(t.Context(), views); err != nil {
			t.Fatal(err)
		}
	}
	look := func() string {
		t.Helper()
		if err := r.inspectVisits(t.Context()); err != nil {
			t.Fatal(err)
		}
		return r.alarmed(t, "views")
	}
	if told := look(); told != "" {
		t.Errorf("where nothing was ever counted: %s", told)
	}
	visit(now.Add(-50*time.Hour), 70)
	if told := look(); told != "" {
		t.Errorf("after one day with visits: %s", told)
	}
	visit(now.Add(-26*time.Hour), 70)
	if told := look(); told != "" {
		t.Errorf("where we were not there to count: %s", told)
	}
	r.inspected.began = now.Add(-4 * time.Hour)
	if told := look(); !strings.Contains(told, "0 visits") || !strings.Contains(told, "70 a day before") {
		t.Errorf("when they stopped: %q", told)
	}
	now = now.Add(26 * time.Hour) // yesterday had none either
	if told := look(); told == "" {
		t.Error("a day later it is over by itself")
	}
	visit(now.Add(-2*time.Hour), 60)
	if told := look(); told != "" {
		t.Errorf("once they are counted again: %s", told)
	}
	now = now.Add(23 * time.Hour)
	visit(now.Add(-2*time.Hour), 5)
	visit(now.Add(-26*time.Hour), 70)
	if told := look(); told != "" {
		t.Errorf("on a quiet day: %s", told)
	}
}

// TestAlarmWaitsForTheDatabase: what stands for a while is announced, and taken
// back, also when the database was away as it began or ended.
func TestAlarmWaitsForTheDatabase(t *testing.T) {
	r := newCountingRoom(t, "")
	away, cancel := context.WithCancel(t.Context())
	cancel()
	for _, reason := range []bool{true, false} {
		r.stand(away, reason, "journal", "file", "It cannot be written.")
		r.stand(t.Context(), reason, "journal", "file", "It cannot be written.")
		if told := r.alarmed(t, "journal"); (told != "") != reason {
			t.Errorf("with reason %v: %q", reason, told)
		}
	}
	r.Config.AlarmMail = "operator@gazette.example"
	for _, from := range []string{"nobody", "Gazette <digest@gazette.example>"} { // whose letter is not taken first, as by a database that goes away between the two
		_, _, err := r.Digest.ApplyNewsletter(t.Context(), "daily", digest.Spec{Title: "Daily", List: "daily", From: from, Brand: testBrand}, "test")
		if err == nil {
			err = r.raise(t.Context(), "disk", "/mnt", "Make room.")
		}
		_, _, letter := r.Mailer.LetterState(t.Context(), 1)
		if told := r.alarmed(t, "disk") != ""; told != (err == nil) || told != (letter == nil) || told != (from != "nobody") {
			t.Errorf("from %s: raised: %v, on the Today page: %v, mailed: %v; want all or none", from, err, told, letter)
		}
	}
}

// TestDoctorServe asks the process that listens, with and without TLS, and tells
// when nobody or somebody else does.
func TestDoctorServe(t *testing.T) {
	r := newCountingRoom(t, "")
	plain, other := httptest.NewServer(r.Handler()), httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	defer other.Close()
	locked := httptest.NewTLSServer(r.Handler())
	defer locked.Close()
	_, port, err := net.SplitHostPort(plain.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		Config
		want string
	}{
		{Config{Listen: plain.Listener.Addr().String()}, "answers"}, {Config{Listen: "0.0.0.0:" + port}, "answers"}, {Config{Listen: ":" + port}, "answers"},
		{Config{Listen: locked.Listener.Addr().String(), TLSCert: "cert.pem"}, "answers"},
		{Config{Listen: other.Listener.Addr().String()}, "what is not ours"}, {Config{Listen: "127.0.0.1:1"}, "nothing listens"},
	} {
		if got := c.examineServe(t.Context())[0]; got.OK != (c.want == "answers") || !strings.Contains(got.Text, c.want) {
			t.Errorf("%s: %+v, want %q", c.Listen, got, c.want)
		}
	}
}
