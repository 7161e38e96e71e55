{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{- define "leat.name" -}}
{{- if eq .Release.Name "leat" -}}leat{{- else -}}{{ printf "leat-%s" (trimPrefix "leat-" .Release.Name) | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "leat.account" -}}
{{ .Values.serviceAccount.name | default (include "leat.name" .) }}
{{- end -}}

{{/* Cluster-wide objects carry the namespace: releases of the same name may not share them. */}}
{{- define "leat.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace (include "leat.name" .) | trunc 50 | trimSuffix "-" }}
{{- end -}}

{{- define "leat.selectorLabels" -}}
app.kubernetes.io/name: leat
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "leat.labels" -}}
{{ include "leat.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "leat.image" -}}
{{- $repository := required "image.repository is missing: name the image that you built and pushed, --set image.repository=registry.example.com/leat" .Values.image.repository -}}
{{- if .Values.image.digest -}}{{ $repository }}@{{ .Values.image.digest }}{{- else -}}{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- define "leat.podRanges" -}}
{{- if not .Values.cluster.podRanges }}{{ fail "cluster.podRanges is missing: name the ranges of the pods of all nodes, --set 'cluster.podRanges={10.244.0.0/16}'; kubeadm keeps them as podSubnet in ConfigMap kube-system/kubeadm-config, and kube-proxy as clusterCIDR" }}{{ end -}}
{{ join "," .Values.cluster.podRanges }}
{{- end -}}

{{- define "leat.serviceRanges" -}}
{{- if not .Values.cluster.serviceRanges }}{{ fail "cluster.serviceRanges is missing: name the ranges of Services, --set 'cluster.serviceRanges={10.96.0.0/12}'; kube-apiserver has them as --service-cluster-ip-range" }}{{ end -}}
{{ join "," .Values.cluster.serviceRanges }}
{{- end -}}
