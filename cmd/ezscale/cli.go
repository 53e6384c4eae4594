package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ezscale/ezscale/app/fail"
)

// commands is the command line. A field is a command; its help is its tag.
type commands struct {
	Demo      demoCmd      `cmd:"" help:"Try everything: three sample resellers with history, the built-in desktop simulator, one process tree."`
	Serve     serveCmd     `cmd:"" help:"Run the shop in production: embedded Postgres and NATS unless their URLs are given."`
	Migrate   migrateCmd   `cmd:"" help:"Bring the central schema and then every tenant up to date; resumable; names who failed."`
	Tenant    tenantCmd    `cmd:"" help:"Create and manage resellers."`
	User      userCmd      `cmd:"" help:"Create people of a tenant."`
	Operator  operatorCmd  `cmd:"" help:"Create people of the provider."`
	Plan      planCmd      `cmd:"" help:"Show and change a tenant's prices."`
	Coupon    couponCmd    `cmd:"" help:"Make and retire a tenant's coupons."`
	Tax       taxCmd       `cmd:"" help:"Show and change a tenant's tax rates."`
	Host      hostCmd      `cmd:"" help:"Add, test and drain the machines that desktops come from."`
	Bill      billCmd      `cmd:"" help:"Issue the invoices of every cycle that has ended."`
	Recompute recomputeCmd `cmd:"" help:"Work the invoices of the last two months out again and prove the ledger; fails on differences."`
	Reconcile reconcileCmd `cmd:"" help:"Compare with the desktop hosts now and print the drift."`
	KasmSim   kasmSimCmd   `cmd:"" name:"kasm-sim" help:"Run the Kasm simulator alone."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// console is what every command is given: where it runs and where it speaks.
type console struct {
	ctx    context.Context
	config Config
	out    io.Writer
	errs   io.Writer
	log    *slog.Logger
}

// run is the whole program: it reads the command line and the environment, does
// the command and says how it went.
func run(ctx context.Context, args, environ []string, stdout, stderr *os.File) int {
	var cli commands
	left := -1
	parser, err := kong.New(&cli, kong.Name("ezscale"), kong.Description("Cloud desktops by the hour, under your own name or your resellers'."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { left = code }), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
	if err != nil {
		complain(stderr, err)
		return exitFailed
	}
	chosen, err := parser.Parse(args)
	if left >= 0 { // --help has been answered
		return left
	}
	if err != nil {
		complain(stderr, fmt.Errorf("%w (see ezscale --help)", err))
		return exitUsage
	}
	config, err := readConfig(environ)
	if err != nil {
		complain(stderr, err)
		return exitUsage
	}
	c := &console{ctx: ctx, config: config, out: stdout, errs: stderr, log: newLogger(config.Log, levelOf(chosen.Command()), stderr)}
	err = chosen.Run(c)
	var wrong *misuse
	switch {
	case err == nil, errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitDone
	case errors.As(err, &wrong):
		complain(stderr, fmt.Errorf("%w (see ezscale %s --help)", err, chosen.Command()))
		return exitUsage
	}
	complain(stderr, err)
	return exitFailed
}

// misuse is a command line that no installation could do anything with.
type misuse struct{ text string }

func (m *misuse) Error() string { return m.text }

func misused(format string, args ...any) error { return &misuse{fmt.Sprintf(format, args...)} }

// levelOf keeps the commands of a moment quiet: what they leave on stderr is the
// one line that says what went wrong. Servers tell what they do.
func levelOf(command string) slog.Level {
	switch command {
	case "serve", "demo", "kasm-sim":
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

func newLogger(format string, level slog.Level, to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}

// print writes data as one line of JSON, or as people read it.
func (c *console) print(asJSON bool, data any, text string) error {
	if asJSON {
		line, err := json.Marshal(data)
		if err != nil {
			return fmt.Errorf("write the answer as JSON: %w", err)
		}
		_, err = fmt.Fprintln(c.out, string(line))
		return err
	}
	_, err := fmt.Fprintln(c.out, strings.TrimRight(text, "\n"))
	return err
}

// oneLine puts an error, and the fields it names, into one line for a terminal.
func oneLine(err error) string {
	text := err.Error()
	var refusal *fail.Error
	if errors.As(err, &refusal) && len(refusal.Fields) > 0 {
		var said []string
		for _, field := range slices.Sorted(maps.Keys(refusal.Fields)) {
			said = append(said, field+": "+refusal.Fields[field])
		}
		text = strings.Join(said, " ")
	}
	return strings.Join(strings.Fields(text), " ")
}
