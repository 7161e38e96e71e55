{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* Options that init and daemon must have alike. */}}
{{- define "leat.sharedArgs" -}}
- --pod-ranges={{ include "leat.podRanges" . }}
- --service-ranges={{ include "leat.serviceRanges" . }}
- --synthetic-range4={{ .Values.capture.syntheticRange4 }}
- --synthetic-range6={{ .Values.capture.syntheticRange6 }}
- --leat-address4={{ .Values.capture.leatAddress4 }}
- --leat-address6={{ .Values.capture.leatAddress6 }}
- --capture-port={{ .Values.capture.port }}
- --dns-port={{ .Values.capture.dnsPort }}
- --ipv6={{ ternary "on" "off" .Values.capture.ipv6 }}
{{- end -}}

{{- define "leat.initContainer" -}}
name: init
image: {{ include "leat.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
command: [node, /app/init/main.ts]
args:
  {{- include "leat.sharedArgs" .root | nindent 2 }}
  - --dns-zone={{ .root.Values.capture.dnsZone }}
  - --target={{ .root.Values.capture.target }}
  - --backend={{ .root.Values.capture.backend }}
  - --nat={{ .root.Values.capture.nat }}
  - --mark={{ .root.Values.capture.mark }}
  - --state-dir=/run/leat
  {{- if .cleanup }}
  - --cleanup
  {{- end }}
securityContext:
  runAsUser: 0
  runAsGroup: 0
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
    # rules, sets, addresses; the sets' indexes and iptables-legacy are asked over a raw socket
    add: [NET_ADMIN, NET_RAW]
resources:
  requests: { cpu: 50m, memory: 64Mi }
volumeMounts:
  - { name: run, mountPath: /run/leat }
  - { name: xtables-lock, mountPath: /run/xtables.lock }
{{- end -}}

{{- define "leat.volumes" -}}
- name: run
  hostPath: { path: {{ .Values.paths.run }}, type: DirectoryOrCreate }
- name: state
  hostPath: { path: {{ .Values.paths.state }}, type: DirectoryOrCreate }
- name: xtables-lock
  hostPath: { path: {{ .Values.paths.xtablesLock }}, type: FileOrCreate }
{{- if .Values.additionalCAs }}
- name: additional-cas
  configMap: { name: {{ include "leat.name" . }}-additional-cas }
{{- end }}
{{- end -}}

{{/* What both pods have: the daemon's, and the one that stands in its place while the release goes. */}}
{{- define "leat.podBase" -}}
serviceAccountName: {{ include "leat.account" . }}
hostNetwork: true
dnsPolicy: ClusterFirstWithHostNet
priorityClassName: {{ .Values.daemon.priorityClassName | quote }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  seccompProfile: { type: RuntimeDefault }
nodeSelector: {{- toYaml .Values.daemon.nodeSelector | nindent 2 }}
affinity: {{- toYaml .Values.daemon.affinity | nindent 2 }}
tolerations: {{- toYaml .Values.daemon.tolerations | nindent 2 }}
{{- end -}}

{{/*
The pod that cleans a node up: it takes the daemon's place in the DaemonSet, so that the daemon is gone before, and is Ready
when the node is clean. The DaemonSet sees to it that every node gets one, also a node that comes back later.
*/}}
{{- define "leat.goingPodSpec" -}}
{{ include "leat.podBase" . }}
automountServiceAccountToken: false
terminationGracePeriodSeconds: 1
initContainers:
  - {{- include "leat.initContainer" (dict "root" . "cleanup" true) | nindent 4 }}
containers:
  - name: daemon
    image: {{ include "leat.image" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    command: [/bin/sh, -c, 'find /var/lib/leat /run/leat -mindepth 1 -delete && echo "this node is clean" && exec sleep infinity']
    securityContext:
      runAsUser: 0
      runAsGroup: 0
      readOnlyRootFilesystem: true
      allowPrivilegeEscalation: false
      capabilities: { drop: [ALL] }
    volumeMounts:
      - { name: run, mountPath: /run/leat }
      - { name: state, mountPath: /var/lib/leat }
volumes:
  {{- include "leat.volumes" . | nindent 2 }}
{{- end -}}
