package pgserver

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// maxLog bounds the log file in bytes; one older file of that size is kept.
const maxLog = 8 << 20

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// openLog opens Postgres' own log for appending and tells its size.
func (p place) openLog() (*os.File, int64, error) {
	p.trimLog()
	f, err := os.OpenFile(p.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("database log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, 0, fmt.Errorf("database log: %w", err)
	}
	return f, info.Size(), nil
}

// trimLog copies a log that grew too long to postgres.log.1 and empties it in place:
// Postgres appends through its open file. It is best effort; the next round tries again.
func (p place) trimLog() {
	info, err := os.Stat(p.logFile())
	if err != nil || info.Size() <= maxLog {
		return
	}
	from, err := os.Open(p.logFile())
	if err != nil {
		return
	}
	defer from.Close()
	to, err := os.OpenFile(p.logFile()+".1", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return
	}
	defer to.Close()
	if _, err := from.Seek(-maxLog, io.SeekEnd); err != nil {
		return
	}
	if _, err := io.Copy(to, from); err == nil {
		_ = os.Truncate(p.logFile(), 0)
	}
}

// lastWords is the last fatal line that Postgres wrote after position at.
func (p place) lastWords(at int64) string {
	f, err := os.Open(p.logFile())
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		at = max(min(at, info.Size()), info.Size()-64<<10)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, at, 64<<10))
	if err != nil {
		return ""
	}
	words := ""
	for line := range bytes.Lines(b) {
		for _, level := range []string{"FATAL:  ", "PANIC:  ", "postgres: "} {
			if _, text, ok := strings.Cut(string(line), level); ok && !strings.Contains(text, "terminating connection") && !strings.Contains(text, "system is s") {
				words = strings.TrimSpace(text)
			}
		}
	}
	return words
}
