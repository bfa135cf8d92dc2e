# Makes ocrspool@.service of ocrspool.service, and ocrspool-prebuild@.service of ocrspool-prebuild.service:
# `systemctl start ocrspool@NAME` serves by /etc/ocrspool-NAME/ocrspool.toml, whose [paths] are
# cache = "/var/cache/ocrspool-NAME" and runtime = "/run/ocrspool-NAME".
s|^Description=.*|& (%i)|
s|/etc/ocrspool/|/etc/ocrspool-%i/|g
s|/var/lib/ocrspool|/var/lib/ocrspool-%i|g
s|/var/cache/ocrspool|/var/cache/ocrspool-%i|g
s|ocrspool-prebuild\.service|ocrspool-prebuild@%i.service|g
s#^\(Cache\|State\|Runtime\|Configuration\)Directory=ocrspool$#&-%i#
s|systemctl edit ocrspool|&@NAME|g
