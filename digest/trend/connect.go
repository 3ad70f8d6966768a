package trend

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Connect makes a client of the Redis an address names: one server, a master
// that Sentinels watch over, or a cluster.
//
//	redis://[USER:PASSWORD@]HOST[:6379][/DB]
//	redis-sentinel://[USER:PASSWORD@]HOST[:26379],HOST…[/DB]?master=NAME[&sentinel_user=…&sentinel_password=…]
//	redis-cluster://[USER:PASSWORD@]HOST[:6379],HOST…
//
// rediss in place of redis speaks TLS. Nothing is sent yet; a server that is
// away is no error. The client gives up when the context does, and sends
// nothing twice by itself: who counts knows what may be sent again.
func Connect(address string) (redis.UniversalClient, error) {
	o, err := parseRedis(address)
	if err != nil {
		return nil, err
	}
	o.ContextTimeoutEnabled = true
	o.MaxRetries, o.DialerRetries = -1, 1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = 2*time.Second, 3*time.Second, 3*time.Second
	client := redis.NewUniversalClient(o)
	client.AddHook(named{})
	return client, nil
}

// named says of a connection that fails what it was for: the errors of the system
// name a port alone.
type named struct{}

func (named) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := next(ctx, network, address)
		if err != nil {
			return nil, fmt.Errorf("connect to Redis: %w", err)
		}
		return conn, nil
	}
}

func (named) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (named) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// CheckAddress says what is wrong with an address for Connect, nil = nothing.
func CheckAddress(address string) error {
	_, err := parseRedis(address)
	return err
}

func parseRedis(address string) (*redis.UniversalOptions, error) {
	scheme, hosts, u, err := splitRedis(address)
	if err != nil {
		return nil, err
	}
	o := &redis.UniversalOptions{Addrs: hosts, Username: u.User.Username()}
	o.Password, _ = u.User.Password()
	if secure, ok := strings.CutPrefix(scheme, "rediss"); ok {
		name, _, _ := net.SplitHostPort(hosts[0])
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
		scheme = "redis" + secure
		if secure != "" { // several servers, each with its own name
			o.TLSConfig.ServerName = ""
		}
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return nil, fmt.Errorf("redis: %q is no number of a database; write for instance redis://127.0.0.1:6379/0", db)
		}
	}
	q := u.Query()
	for name := range q {
		if !slices.Contains([]string{"master", "sentinel_user", "sentinel_password"}, name) || scheme != "redis-sentinel" {
			return nil, fmt.Errorf("redis: unknown option %q in the address; redis-sentinel takes master, sentinel_user and sentinel_password, the others none", name)
		}
	}
	switch scheme {
	case "redis":
		if len(hosts) > 1 {
			return nil, errors.New("redis: several servers are a redis-cluster:// or a redis-sentinel://")
		}
	case "redis-sentinel":
		o.MasterName, o.SentinelUsername, o.SentinelPassword = q.Get("master"), q.Get("sentinel_user"), q.Get("sentinel_password")
		if o.MasterName == "" {
			return nil, errors.New("redis: say which master the Sentinels watch: redis-sentinel://10.0.0.1:26379,10.0.0.2:26379/0?master=mymaster")
		}
	case "redis-cluster":
		o.IsClusterMode = true
		if o.DB != 0 {
			return nil, errors.New("redis: a cluster has database 0 alone")
		}
	}
	return o, nil
}

// splitRedis takes an address apart. net/url knows no list of hosts.
func splitRedis(address string) (scheme string, hosts []string, rest *url.URL, err error) {
	const how = "redis: the address cannot be read; write redis://127.0.0.1:6379/0, redis-sentinel://HOST:26379,HOST:26379/0?master=NAME or redis-cluster://HOST:6379,HOST:6379"
	scheme, tail, ok := strings.Cut(address, "://")
	plain := strings.Replace(scheme, "rediss", "redis", 1)
	if !ok || !slices.Contains([]string{"redis", "redis-sentinel", "redis-cluster"}, plain) {
		return "", nil, nil, errors.New(how)
	}
	end := strings.IndexAny(tail, "/?")
	if end < 0 {
		end = len(tail)
	}
	authority, after := tail[:end], tail[end:]
	user := ""
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, authority = authority[:at+1], authority[at+1:]
	}
	port := "6379"
	if plain == "redis-sentinel" {
		port = "26379"
	}
	for host := range strings.SplitSeq(authority, ",") {
		h, p, err := net.SplitHostPort(host)
		if err != nil {
			h, p = strings.Trim(host, "[]"), port
		}
		if _, err := strconv.ParseUint(cmp.Or(p, port), 10, 16); err != nil || strings.Contains(h, " ") {
			return "", nil, nil, errors.New(how)
		}
		hosts = append(hosts, net.JoinHostPort(cmp.Or(h, "127.0.0.1"), cmp.Or(p, port)))
	}
	if rest, err = url.Parse("redis://" + user + "host" + after); err != nil {
		return "", nil, nil, errors.New(how) // err would show the password
	}
	return scheme, hosts, rest, nil
}

// RedisName is an address without its secrets, for people to read.
func RedisName(address string) string {
	scheme, hosts, u, err := splitRedis(address)
	if err != nil {
		return "…"
	}
	name := scheme + "://" + strings.Join(hosts, ",") + u.Path
	if m := u.Query().Get("master"); m != "" {
		name += " (master " + m + ")"
	}
	return name
}

// Quiet keeps the client library from writing a line for every connection that
// fails: whoever waits for the answer reports it, once.
func Quiet() { redis.SetLogger(nothing{}) }

type nothing struct{}

func (nothing) Printf(context.Context, string, ...any) {}
