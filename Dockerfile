# One small image from one static binary. No BuildKit syntax, so that the legacy builder takes the same file.
#
#   docker build -t watchfire:local .
#
# The build stage can be replaced by any image that has a shell, cp, mkdir and chown, when a static binary stands in
# dist/watchfire: --build-arg BUILDER=IMAGE. So it also builds where no base image can be pulled; tests/compose/run makes
# such an image out of this machine's own files.
ARG BUILDER=rust:1.95-bookworm
FROM ${BUILDER} AS build
WORKDIR /src
COPY . .
RUN set -eu; \
    mkdir -p /out/bin /out/etc /out/data /out/tmp; \
    if [ -x dist/watchfire ]; then \
        cp dist/watchfire /out/bin/watchfire; \
    else \
        triple=$(rustc -vV | sed -n 's/^host: //p'); \
        RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile dist --target "$triple"; \
        cp "target/$triple/dist/watchfire" /out/bin/watchfire; \
    fi; \
    echo 'watchfire:x:10001:10001::/data:/none' > /out/etc/passwd; \
    echo 'hosts: files dns' > /out/etc/nsswitch.conf; \
    chown -R 10001:10001 /out/data /out/tmp

FROM scratch
COPY --from=build /out/ /
ENV WATCHFIRE_DATA=/data
USER 10001:10001
EXPOSE 7443
ENTRYPOINT ["/bin/watchfire"]
CMD ["serve"]
