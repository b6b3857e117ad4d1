package main

import (
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/proxy"
)

// reloads is how it went when the settings were read last. The zero one has read none.
type reloads struct {
	failed atomic.Bool
	at     atomic.Int64 // when that went well, as Unix time
}

func (r *reloads) note(well bool) {
	r.failed.Store(!well)
	if well {
		r.at.Store(time.Now().Unix())
	}
}

func (r *reloads) numbers() []proxy.Number {
	return []proxy.Number{
		{
			Name: "config_last_reload_successful", Help: "1, or 0 if the settings could not be used when they were read last.",
			Value: func() float64 {
				if r.failed.Load() {
					return 0
				}
				return 1
			},
		},
		{
			Name: "config_last_reload_success_seconds", Help: "Unix time at which the settings were read last that are used.",
			Value: func() float64 { return float64(r.at.Load()) },
		},
	}
}
