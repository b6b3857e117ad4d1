package certificate

import (
	"context"
	"log/slog"
	"strings"
	"unicode"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapCore writes what certmagic says with zap to slog, a level lower than it was meant: whatever matters comes back to us
// as an error as well, and is logged where it is handled.
type zapCore struct{ handler slog.Handler }

func newZap(log *slog.Logger) *zap.Logger {
	return zap.New(zapCore{handler: log.Handler()})
}

func quieter(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelWarn
	case l >= zapcore.WarnLevel:
		return slog.LevelInfo
	case l >= zapcore.InfoLevel:
		return slog.LevelDebug
	default:
		return slog.LevelDebug - 4
	}
}

// Enabled implements [zapcore.Core].
func (c zapCore) Enabled(l zapcore.Level) bool {
	return c.handler.Enabled(context.Background(), quieter(l))
}

// With implements [zapcore.Core].
func (c zapCore) With(fields []zapcore.Field) zapcore.Core {
	if !c.Enabled(zapcore.ErrorLevel) {
		return c
	}
	return zapCore{handler: c.handler.WithAttrs(attributes(fields))}
}

// Check implements [zapcore.Core].
func (c zapCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements [zapcore.Core].
func (c zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	r := slog.NewRecord(e.Time, quieter(e.Level), e.Message, 0)
	if e.LoggerName != "" {
		r.AddAttrs(slog.String("logger", e.LoggerName))
	}
	r.AddAttrs(attributes(fields)...)
	return c.handler.Handle(context.Background(), r)
}

// Sync implements [zapcore.Core].
func (c zapCore) Sync() error { return nil }

func attributes(fields []zapcore.Field) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		enc := zapcore.NewMapObjectEncoder()
		f.AddTo(enc)
		for k, v := range enc.Fields {
			attrs = append(attrs, slog.Any(snake(k), v))
		}
	}
	return attrs
}

// snake brings a key into the form that all our keys have.
func snake(key string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return '_'
	}, key)
}
