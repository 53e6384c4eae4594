// Package pgserver runs the Postgres that EZSCALE brings along when no database
// address is given: it finds (or, when allowed, installs) the binaries, makes the
// cluster, starts it, starts it again when it dies, and stops it.
//
// # Who runs it
//
// Any number of ezscale processes may use one data directory at once: a server
// and the commands beside it, or two commands and no server. One of them is the
// owner, whose child Postgres is; the others are guests that connect to it. Two
// flock files in the data directory decide, so that kill -9 lets go of everything:
//
//   - postgres.owner.lock is held exclusively by the owner for its whole life.
//     Once Postgres answers, the owner writes into it where the socket is; it
//     empties the file before Postgres goes away and first thing after taking the
//     lock, so a guest never trusts the words of a dead owner.
//   - postgres.guests.lock is held shared by every guest while it works, and taken
//     exclusively by a short command that owns Postgres before it stops it.
//
// A command takes the owner lock if it is free. If not, it takes the guests lock
// shared, and keeps it only if an address is published and answers; else it lets go
// and begins again, which is how it becomes the owner when the old one leaves. An
// owner that is a short command empties the published address, waits until the
// guests have left (60 s at most), then stops Postgres. A server does not wait for
// guests: it was asked to stop.
//
// # What a crash leaves
//
// On Linux Postgres gets SIGINT from the kernel when its owner dies. Wherever it
// survives its owner, and when a killed postmaster leaves backends behind, the next
// owner finds the processes by their command line and stops them before it starts.
// A cluster is made in a folder beside its place and renamed when it is complete.
package pgserver
