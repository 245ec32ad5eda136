# Installs the program beside this script for the user who runs it; no administrator is needed.
#
#   powershell -ExecutionPolicy Bypass -File install.ps1 [-Destination DIR] [-NoPath]
#
# An earlier version in the same place is replaced, also while it runs.
[CmdletBinding()]
param(
    # The folder to install into, by default one of the user's own.
    [string] $Destination = '',
    # Leave PATH as it is.
    [switch] $NoPath
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$Name = @NAME@
$Program = @PROGRAM@
$Version = @VERSION@

if ($Destination -eq '') {
    $Destination = Join-Path -Path ([Environment]::GetFolderPath('LocalApplicationData')) -ChildPath 'Programs'
    $Destination = Join-Path -Path $Destination -ChildPath $Name
}
$Destination = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Destination)

# A list of folders on PATH holds no semicolon within one.
if ($Destination.Contains(';') -and -not $NoPath) {
    throw "A folder with a semicolon in its name cannot be on PATH: $Destination"
}

$null = New-Item -ItemType Directory -Path $Destination -Force

function Copy-InPlace {
    param([string] $From, [string] $To)
    # A program that runs can be renamed and not be written to.
    $New = "$To.new"
    $Old = "$To.old"
    Copy-Item -LiteralPath $From -Destination $New -Force
    if (Test-Path -LiteralPath $Old) {
        Remove-Item -LiteralPath $Old -Force -ErrorAction SilentlyContinue
    }
    if (Test-Path -LiteralPath $To) {
        Move-Item -LiteralPath $To -Destination $Old -Force
    }
    try {
        Move-Item -LiteralPath $New -Destination $To
    }
    catch {
        if (Test-Path -LiteralPath $Old) {
            Move-Item -LiteralPath $Old -Destination $To
        }
        throw
    }
    if (Test-Path -LiteralPath $Old) {
        Remove-Item -LiteralPath $Old -Force -ErrorAction SilentlyContinue
    }
}

foreach ($File in @($Program, 'uninstall.ps1')) {
    $From = Join-Path -Path $PSScriptRoot -ChildPath $File
    Copy-InPlace -From $From -To (Join-Path -Path $Destination -ChildPath $File)
}
$Completions = Join-Path -Path $PSScriptRoot -ChildPath 'completions'
if (Test-Path -LiteralPath $Completions) {
    Copy-Item -LiteralPath $Completions -Destination $Destination -Recurse -Force
}

if (-not $NoPath) {
    # Read and written as it stands, so that variables in it stay variables.
    $Key = [Microsoft.Win32.Registry]::CurrentUser.CreateSubKey('Environment')
    try {
        $Raw = [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames
        $Path = [string] $Key.GetValue('Path', '', $Raw)
        $Folders = @($Path -split ';' | Where-Object { $_ -ne '' })
        if (@($Folders | Where-Object { $_.TrimEnd('\') -eq $Destination.TrimEnd('\') }).Count -eq 0) {
            $Path = ($Folders + $Destination) -join ';'
            $Key.SetValue('Path', $Path, [Microsoft.Win32.RegistryValueKind]::ExpandString)
            # Setting any variable tells the programs that run that there is something new.
            $Nonce = 'installed-' + [Guid]::NewGuid().ToString('N')
            [Environment]::SetEnvironmentVariable($Nonce, '1', 'User')
            [Environment]::SetEnvironmentVariable($Nonce, $null, 'User')
        }
    }
    finally {
        $Key.Dispose()
    }
}

Write-Output "$Name $Version is installed in $Destination"
if (-not $NoPath) {
    Write-Output 'It is on the PATH of shells that are opened from now on.'
}
