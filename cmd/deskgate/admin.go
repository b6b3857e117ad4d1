package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// admin serves the operator's commands over the admin socket.
type admin struct {
	operator *operator
	log      *slog.Logger
}

func (a *admin) handler() http.Handler {
	mux := http.NewServeMux()
	for _, s := range actions() {
		mux.HandleFunc("POST "+s.path(), func(w http.ResponseWriter, r *http.Request) {
			answer, err := s.serve(r.Context(), a.operator, http.MaxBytesReader(w, r.Body, 1<<20))
			a.reply(w, s.path(), answer, err)
		})
	}
	mux.HandleFunc("GET "+backupPath, a.backup)
	mux.HandleFunc("GET "+exportPath, a.export)
	mux.HandleFunc("POST "+importPath, a.importBegun)
	return mux
}

func (a *admin) reply(w http.ResponseWriter, path string, answer any, err error) {
	status := http.StatusOK
	if err != nil {
		f := describe(err)
		status, answer = http.StatusBadRequest, f
		if f.Code == codeInternal {
			status = http.StatusInternalServerError
			a.log.Error("an operator's command failed", "command", path, "error", err)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		a.log.Debug("the answer to an operator's command was not taken", "command", path, "error", err)
	}
}

// Run serves l until ctx ends, then lets commands under way finish.
func (a *admin) Run(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           a.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(last)
	})
	err := server.Serve(l)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
