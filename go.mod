module github.com/deskgate/deskgate

go 1.26.0
