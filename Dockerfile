# Tollgate on Debian 12: docker build -t tollgate .

FROM rust:1-bookworm AS build
WORKDIR /build
COPY . .
RUN cargo build --release --locked --bin tollgate

FROM debian:12-slim
# For the health check alone.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10060 --home-dir /var/lib/tollgate --create-home tollgate
COPY --from=build /build/target/release/tollgate /usr/local/bin/tollgate
USER tollgate
WORKDIR /var/lib/tollgate
# The ledger. Settings are mounted at /etc/tollgate.
VOLUME /var/lib/tollgate
# SIP over UDP and TCP; metrics and health.
EXPOSE 5060/udp 5060/tcp 9060/tcp
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:9060/healthz"]
ENTRYPOINT ["tollgate"]
CMD ["serve", "--config", "/etc/tollgate/tollgate.toml"]
