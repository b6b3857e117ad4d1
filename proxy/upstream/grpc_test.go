package upstream_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	service "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// grpcApp is an application that speaks gRPC.
type grpcApp struct {
	service.UnimplementedTestServiceServer

	ended chan struct{} // when a stream's visitor has gone
}

// UnaryCall answers with what it was sent, and with the status that it is asked for.
func (*grpcApp) UnaryCall(ctx context.Context, in *service.SimpleRequest) (*service.SimpleResponse, error) {
	if err := grpc.SetTrailer(ctx, metadata.Pairs("x-sum", "42")); err != nil {
		return nil, err
	}
	if s := in.GetResponseStatus(); s != nil {
		return nil, status.Error(codes.Code(s.GetCode()), s.GetMessage())
	}
	md, _ := metadata.FromIncomingContext(ctx)
	return &service.SimpleResponse{Payload: in.GetPayload(), Username: md.Get("x-forwarded-host")[0]}, nil
}

// FullDuplexCall answers each message before the next one comes.
func (a *grpcApp) FullDuplexCall(s grpc.BidiStreamingServer[service.StreamingOutputCallRequest, service.StreamingOutputCallResponse]) error {
	for {
		in, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			a.ended <- struct{}{}
			return err
		}
		if err := s.Send(&service.StreamingOutputCallResponse{Payload: in.GetPayload()}); err != nil {
			return err
		}
	}
}

// grpcThrough is a client of the application behind a Proxy, over HTTP/2 on both sides.
func grpcThrough(t *testing.T, a *grpcApp) service.TestServiceClient {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	app := grpc.NewServer()
	service.RegisterTestServiceServer(app, a)
	go func() { _ = app.Serve(l) }()
	t.Cleanup(app.Stop)

	p := newProxy(t)
	v := &tenant.Visit{Host: "grpc.acme.example", ClientIP: netip.MustParseAddr("203.0.113.9"), Scheme: "https", RequestID: "REQ"}
	route := &tenant.Route{Prefix: "/", Upstreams: []string{"h2c://" + l.Addr().String()}}
	edge := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Forward(w, r, &upstream.Job{Visit: v, Route: route, IP: v.ClientIP.String()})
	})}
	edge.Protocols.SetUnencryptedHTTP2(true)
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = edge.Serve(front) }()
	t.Cleanup(func() { edge.Close() })
	c, err := grpc.NewClient(front.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("grpc.acme.example"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return service.NewTestServiceClient(c)
}

func TestGRPC(t *testing.T) {
	c := grpcThrough(t, &grpcApp{})
	var trailer metadata.MD
	out, err := c.UnaryCall(t.Context(), &service.SimpleRequest{Payload: &service.Payload{Body: []byte("hello")}}, grpc.Trailer(&trailer))
	if err != nil || string(out.GetPayload().GetBody()) != "hello" || out.GetUsername() != "grpc.acme.example" {
		t.Errorf("a call: %v, %v", out, err)
	}
	if got := trailer.Get("x-sum"); len(got) != 1 || got[0] != "42" {
		t.Errorf("trailers %v, want x-sum", trailer)
	}
	_, err = c.UnaryCall(t.Context(), &service.SimpleRequest{ResponseStatus: &service.EchoStatus{Code: int32(codes.ResourceExhausted), Message: "too much"}}, grpc.Trailer(&trailer))
	if s := status.Convert(err); s.Code() != codes.ResourceExhausted || s.Message() != "too much" || len(trailer.Get("x-sum")) != 1 {
		t.Errorf("a call that fails: %v with %v, want the application's status", err, trailer)
	}
	if _, err := c.EmptyCall(t.Context(), &service.Empty{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("a call that there is not: %v, want the application's word", err)
	}
}

func TestGRPCStreams(t *testing.T) {
	app := &grpcApp{ended: make(chan struct{}, 1)}
	c := grpcThrough(t, app)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := c.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"one", "two", "three"} { // nothing more is sent before the answer is here
		if err := s.Send(&service.StreamingOutputCallRequest{Payload: &service.Payload{Body: []byte(word)}}); err != nil {
			t.Fatal(err)
		}
		if in, err := s.Recv(); err != nil || string(in.GetPayload().GetBody()) != word {
			t.Fatalf("got %v, %v, want %q", in, err, word)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the end of the stream: %v", err)
	}
	left, leave := context.WithCancel(ctx)
	if s, err = c.FullDuplexCall(left); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&service.StreamingOutputCallRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	leave()
	select {
	case <-app.ended:
	case <-ctx.Done():
		t.Error("the application does not hear that its visitor has gone")
	}
}
