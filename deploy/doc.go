// Package deploy holds what an operator installs: container image, compose
// file and systemd unit. Its packages are schema (the database and its
// migrations) and installation (users, alarms, audit).
package deploy
