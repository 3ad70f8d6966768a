// Package deploy holds what an operator installs: container image, compose file,
// systemd unit, Helm chart and samples for a proxy in front, and what he watches it
// with: a dashboard and alerting rules. Its packages are schema (the database and its migrations) and
// installation (users, alarms, audit). A test in cmd/pressrun holds the files to
// the flags, keys, addresses and metrics that there are.
package deploy
